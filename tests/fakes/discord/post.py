"""The way of an act from a person to the app and back: build the payload, deliver it, wait for the first answer.

Rule: waits as long as a person does, in real seconds; afterwards the interaction is given up.
"""

from dataclasses import dataclass, field

from tests.fakes.discord import payloads
from tests.fakes.discord.chat import Chat
from tests.fakes.discord.commands import Commands
from tests.fakes.discord.delivery import Delivery, Route
from tests.fakes.discord.errors import Broken, Json, Refused
from tests.fakes.discord.interactions import Interaction, Interactions
from tests.fakes.discord.posting import Posting
from tests.fakes.discord.threads import Threads
from tests.fakes.discord.world import User, World


@dataclass
class Office:
    """What a person needs to reach the app; `patience` is in real seconds."""

    world: World
    posting: Posting
    chat: Chat
    threads: Threads
    interactions: Interactions
    commands: Commands
    route: Route
    patience: float
    refusals: list[tuple[str, Json]]
    sent: list[Delivery] = field(default_factory=list[Delivery])

    async def send(self, made: Interaction, who: User, data: Json) -> None:
        """Deliver an interaction and wait until it is answered or the person gives up."""
        common = payloads.interaction(self.world, who, self.world.channels[made.channel])
        made.payload = {**common, "id": made.id, "token": made.token, "type": made.kind, "data": data}
        if made.message:
            made.payload["message"] = payloads.message(self.world, made.message)
        await self.deliver(made)

    async def deliver(self, made: Interaction) -> None:
        """Deliver what was built; called again it is what a repeated delivery looks like."""
        done = await self.route.send(made.payload)
        self.sent.append(done)
        # 202 says that the answer comes by the callback route.
        if done.status == 200 and done.answer is not None:
            self._answered(made, done.answer)
        try:
            if done.status in (200, 202):
                await self.world.until(lambda: made.answer is not None, within=self.patience)
        except TimeoutError:
            pass
        self.interactions.give_up(made)
        self.world.changed()

    def _answered(self, made: Interaction, answer: Json) -> None:
        try:
            self.interactions.respond(made, answer, [])
        except Refused as refused:
            self.refusals.append(("interactions_endpoint", refused.answer))
        except Broken:
            self.refusals.append(("interactions_endpoint", {"message": "500: Internal Server Error", "code": 0}))
