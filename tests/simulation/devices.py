"""People's devices, and the push service that reaches them: it is late, away, or takes what nobody learns of.

The rule: what a message says stands on the device until the next one of the same name, whoever has sent it.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import sayso_push
from sayso import errors
from sayso.desk import Desk
from sayso.desk.posting import leases
from sayso.stores import Store
from sayso_push import pusher, subscriptions
from tests.simulation import town
from tests.simulation.world import World

WITH_DEVICES = ("a:U1", "a:U2", "a:U3", "b:5", "a:U4")


@dataclass(frozen=True)
class Rung:
    """What a device was told, and when."""

    at: float
    state: str
    past: bool
    """Whether the database was put back since to before it was sent."""


@dataclass
class Device:
    """One device, with what it was told by the name of the notification."""

    account: str
    told: dict[str, list[Rung]] = field(default_factory=dict[str, list[Rung]])


@dataclass(frozen=True)
class _Reply:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Devices:
    """All of them, behind one push service."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.all = {f"https://push.example/{one}": Device(one) for one in WITH_DEVICES}

    async def subscribe(self, store: Store, at: datetime) -> None:
        """Everybody wants to be told."""
        kept = sayso_push.Subscriptions(store, lambda _: None)
        point = ec.derive_private_key(7, ec.SECP256R1()).public_key()
        raw = point.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        keys = [base64.urlsafe_b64encode(one).decode().rstrip("=") for one in (raw, b"\x05" * 16)]
        for address, device in self.all.items():
            await kept.add(town.actor_of(device.account), address, keys[0], keys[1], at)

    async def post(self, address: str, body: bytes, headers: Mapping[str, str]) -> pusher.Reply:
        """What a push service does with a message."""
        leases.check()
        world, chance, delay, lost = self._world, self._world.chance, 0.0, False
        said, past = json.loads(body), world.past
        if world.troubled("push"):
            fault = chance.choice(("429", "500", "lost", "slow", "slow"))
            if fault in ("429", "500"):
                await asyncio.sleep(0.01)
                return _Reply(int(fault), {"retry-after": "5"} if fault == "429" else {})
            delay, lost = chance.uniform(0.0, 20.0), fault == "lost"
            world.slow_down("push", delay)

        sent = chance.random() < 0.5

        def arrive() -> None:
            if not sent:
                leases.check()
            rung = Rung(world.now, said["state"], past != world.past)
            self.all[address].told.setdefault(said["id"], []).append(rung)
            world.say("rang", self.all[address].account, said["id"], said["state"])

        await world.remote(arrive, delay or chance.choice((0.0, 0.02, 0.3)), 0.0, sent=sent)
        if lost:
            raise errors.ChannelError("the answer of the push service was lost", unsure=True)
        return _Reply(201)


class Pusher(sayso_push.Pusher):
    """The real one; what it says stands in plain words, since nobody listens on the way."""

    def __init__(self, desk: Desk, devices: Devices) -> None:
        kept = sayso_push.Subscriptions(desk.store, lambda _: None)
        super().__init__(desk, kept, cast(Any, None), "ops@example.com", devices.post)

    def _message(
        self, notice: pusher.Notice, device: subscriptions.Device, state: pusher.State
    ) -> tuple[bytes, Mapping[str, str]]:
        said = {"id": notice.id, "body": notice.body, "state": state, "path": notice.path}
        return json.dumps(said).encode(), {}
