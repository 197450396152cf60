"""A small HTTP service that pays out only what a receipt allows, to the cent. It asks nobody.

SAYSO_KEYS=keys.json PORT=8080 python3 service.py
"""

import json
import os
from pathlib import Path

from aiohttp import web

import sayso

# what `sayso keys signing` prints; read it again when a key is changed
KEYS = json.loads(Path(os.environ["SAYSO_KEYS"]).read_text())
# in real life a table with a unique column: it must outlive this process
TAKEN: set[str] = set()


async def pay(request: web.Request) -> web.Response:
    """POST /payouts with the receipt as a bearer token."""
    wanted = await request.json()
    shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
    try:
        receipt = sayso.verify_receipt(shown, KEYS, tool="payout", input=wanted)
    except sayso.SaysoError as error:
        return web.json_response({"refused": error.message}, status=403)
    if receipt.id in TAKEN:
        return web.json_response({"refused": "this receipt was used"}, status=409)
    TAKEN.add(receipt.id)
    by = [person.name for person in receipt.people]
    return web.json_response({"paid": wanted, "allowed by": by or receipt.rule})


app = web.Application()
app.router.add_post("/payouts", pay)

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8080")), print=None)
