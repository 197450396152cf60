"""The first example of README.md, as it stands there, so that type checkers read it."""

import asyncio
import sys

import sayso


async def main(build: str) -> None:
    async with sayso.open() as desk:
        asked = sayso.Permission(id=f"deploy-{build}", tool="Bash", input={"command": "make deploy"})
        decision = await desk.ask(asked)
        if not decision.allowed:
            raise SystemExit(decision.model_text)
        await desk.use(decision.id)  # one allow is good for one run
        print("running", decision.input["command"])  # noqa: T201


asyncio.run(main(sys.argv[1]))
