"""What rules cost: the ruling on one request, and a replay of 10,000 recorded ones.

Run it with: python -m tests.bench.rules
"""

from __future__ import annotations

import asyncio
import tempfile
import time
import tomllib
from datetime import timedelta

from sayso import model, stores
from sayso.desk import Caller, Desk
from sayso.desk.upkeep import looking_back
from sayso.rules import rulings
from sayso.rules.replaying import replay
from sayso.testing import samples
from sayso.testing.clock import ManualClock
from sayso_bots.settings import toml

REQUESTS = 10_000
RULES = """
[calendars.office]
zone = "Europe/Berlin"
days = ["mon", "tue", "wed", "thu", "fri"]
hours = "09:00-18:00"
[[rules]]
id = "no-secrets"
match = { tool = ["Bash", "Read"], "input.*" = "*.env*" }
effect = "deny"
[[rules]]
id = "reads"
match = { tool = ["Read", "Grep", "Glob"] }
effect = "allow"
[[rules]]
id = "terraform"
match = { tool = "Bash", program = "terraform" }
effect = "ask"
[[rules]]
id = "big-payout"
match = { tool = "payout" }
when = 'double(input.amount) >= 5000.0'
effect = "ask"
[[rules]]
id = "small-refunds"
match = { tool = "refund" }
when = 'double(input.amount) > 0.0 && double(input.amount) <= 50.0'
effect = "allow"
limit = { count = 500, per = "1h", by = "agent" }
[[rules]]
id = "deploy-at-night"
match = { tool = "deploy" }
during = "!office"
effect = "deny"
[[rules]]
id = "git"
match = { tool = "Bash", program = "git", args = ["status", "**"] }
effect = "allow"
"""
CALLS: tuple[tuple[str, dict[str, object]], ...] = (
    ("Read", {"file_path": "src/main.py"}),
    ("Bash", {"command": "git status -s"}),
    ("Bash", {"command": "cd infra && terraform plan -out x | tee log"}),
    ("refund", {"amount": 20}),
    ("deploy", {"service": "api"}),
)


async def main() -> None:
    """Print both."""
    setup = toml.setup(toml.parse(tomllib.loads(RULES)))
    book, clock = setup.rules, ManualClock(samples.NOW)
    begun = time.process_time()
    for number in range(REQUESTS):
        tool, input = CALLS[number % len(CALLS)]
        call = book.call(model.Request(kind="permission", tool=tool, input=input), "bot")
        rulings.decide(book.matching(call, samples.NOW))
    each = (time.process_time() - begun) / REQUESTS
    print(f"one ruling of {len(book.rules)} rules: {each * 1e6:.0f} us")
    with tempfile.TemporaryDirectory() as folder:
        store = await stores.connect(f"sqlite:///{folder}/bench.db")
        desk = Desk(store, samples.MINT, clock=clock)
        for at in range(0, REQUESTS, 100):
            await asyncio.gather(*(_ask(desk, number) for number in range(at, at + 100)))
            clock.advance(1)
        begun = time.process_time()
        past = [one async for one in looking_back.newest_first(store, samples.NOW - timedelta(days=30))]
        read = time.process_time()
        changed = sum(one.is_changed for one in replay(book, reversed(past)))
        ended = time.process_time()
        await store.close()
    print(f"replay of {len(past)} requests: {ended - begun:.2f} s ({read - begun:.2f} s to read), {changed} changed")


async def _ask(desk: Desk, number: int) -> None:
    tool, input = CALLS[number % len(CALLS)]
    await desk.open(model.Request(kind="permission", tool=tool, input=input), Caller("bot"))


if __name__ == "__main__":
    asyncio.run(main())
