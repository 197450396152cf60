"""A second opinion on the Discord adapter: a simulator that others wrote takes what it sends, and people press there.

Rule: nothing here comes from our own fake, so that what both sides of it misread in the same way is found.
"""

import contextlib
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from typing import Any

import simcord

import sayso
from sayso import desk, model
from sayso.cards import draw
from sayso.chat.background import Background
from sayso.desk import courier
from sayso.desk.upkeep import duties
from sayso.machine import people
from sayso.stores import memory
from sayso.testing import samples
from sayso.testing.clock import ManualClock
from sayso_discord import api as discord_api
from sayso_discord import (
    catchup,
    components,
    connection,
    gateway,
    interactions,
    members,
    places,
    replies,
    settings,
    threads,
)
from sayso_discord.channel import DiscordChannel

DEPLOY = sayso.Permission(tool="Bash", input={"command": "make deploy"})
TICKETS = [*samples.pending(), *samples.long(), *samples.closed()]


@dataclass(frozen=True)
class Court:
    """A simulated channel with Ann in it, and our adapter as the bot before it."""

    env: simcord.Env
    place: simcord.ChannelHandle
    ann: simcord.MemberActor
    desk: desk.Desk
    posts: DiscordChannel

    async def ask(self, request: model.Request) -> model.Ticket:
        """An agent asks, and the card is in the channel."""
        ticket = await self.desk.open(request)
        await self.deliver()
        return ticket

    async def deliver(self) -> None:
        """Everything that is due goes out."""
        while await courier.Courier(self.desk, [self.posts]).deliver():
            pass

    async def decision(self, ticket: model.Ticket) -> model.Decision:
        """The decision that the desk has, which must be there, and no button is left in the channel."""
        found = (await self.desk.get(ticket.id)).decision
        assert found is not None
        assert [one.person for one in found.by] == ["ann"]
        await self.deliver()
        assert {str(part["label"]) for part in self.parts() if "custom_id" in part} <= {"Details"}
        return found

    @property
    def card(self) -> Any:
        """The latest message of the channel."""
        assert self.place.last_message is not None
        return self.place.last_message

    def parts(self) -> list[dict[str, Any]]:
        """What the latest message is made of, as the simulator keeps it."""
        kept = self.env.backend.get_message(self.place.id, self.card.id)
        return list(components.walk(kept.components))


@contextlib.asynccontextmanager
async def session() -> AsyncGenerator[Court]:
    """The parts of `sayso_discord.connect` around one client; the simulator takes over no more than one."""
    discord_api._aim(settings.Settings(""))  # the library's address is global, and other tests change it
    duty = duties.Duty(memory.MemoryStore(), ManualClock(), "gateway")
    hub = gateway.Gateway("", gateway.Listeners(_nothing, _nothing, _nothing), duty, content=False)
    client = gateway._Client(hub, content=False)
    async with simcord.run(client) as env:
        guild = env.create_guild()
        place, ann = guild.create_text_channel("ops"), guild.add_member(env.create_user("ann"))
        directory = people.Directory(people={"ann": people.Profile(frozenset({f"discord:{ann.id}"}))}, groups={})
        setup = desk.Setup({"default": model.Policy()}, directory, (f"discord:{place.id}",), ("discord",))
        ours = desk.Desk(memory.MemoryStore(), samples.MINT, setup, ManualClock())
        assert client.user is not None
        api = discord_api.Api(client)
        where, hung = places.Places(api, lambda: directory, None, threads=False), threads.Threads(api, ours.store)
        posts, known = DiscordChannel(api, where, ours.store, hung), members.Members(api, where, ManualClock())
        background = Background()
        door = interactions.Interactions(ours, known, posts, api, background)
        heard = replies.Replies(ours, known, api, hung)
        catch_up = catchup.CatchUp(ours, posts, heard, api)
        hub.listeners = connection._listeners(door, heard, catch_up, api, background)
        yield Court(env, place, ann, ours, posts)
        await background.close()
        await ours.store.close()


async def _nothing(*_: object) -> None:
    """Nobody listens yet."""


def filled(shown: simcord.InteractionResult, values: Iterable[Any]) -> dict[str, Any]:
    """The values for the inputs of an open window, from top to bottom."""
    assert shown.modal is not None
    inputs = [part["component"]["custom_id"] for part in shown.modal["components"] if part["type"] == components.LABEL]
    return dict(zip(inputs, values, strict=True))


async def test_every_sample_ticket_is_a_message_that_the_simulator_takes() -> None:
    async with session() as court:
        for number, ticket in enumerate(TICKETS):
            # each is its own request here; as the same one they would share a nonce, and be one message
            drawn = draw.card_of(ticket.model_copy(update={"id": f"r{number}"}), samples.MINT)
            ref = await court.posts.post(f"discord:{court.place.id}", drawn, again=False)
            assert ref.message == str(court.card.id)
            await court.posts.edit(ref, drawn)
        assert len(court.place.history()) == len(TICKETS)


async def test_a_permission_is_allowed_with_one_press() -> None:
    async with session() as court:
        ticket = await court.ask(DEPLOY)
        seen = await court.ann.click(court.card, label="Allow")
        assert seen.acknowledged
        assert (await court.decision(ticket)).outcome == "allowed"


async def test_a_permission_is_denied_with_the_reason_typed_into_the_window() -> None:
    async with session() as court:
        ticket = await court.ask(DEPLOY)
        shown = await court.ann.click(court.card, label="Deny with reason…")
        seen = await court.ann.submit_modal(shown, filled(shown, ["not on a Friday"]))
        assert seen.acknowledged
        decision = await court.decision(ticket)
        assert (decision.outcome, decision.reason) == ("denied", "not on a Friday")


async def test_a_choice_is_answered_with_the_option_that_was_pressed() -> None:
    async with session() as court:
        ticket = await court.ask(sayso.Choice("Which region?", ["Europe", "Asia"]))
        await court.ann.click(court.card, label="2 · Asia")
        assert (await court.decision(ticket)).choices == ("Asia",)


async def test_a_form_is_answered_with_what_was_filled_in() -> None:
    async with session() as court:
        fields = [sayso.Field(name="amount", label="Amount", kind="number"), sayso.Field(name="why", label="Why")]
        ticket = await court.ask(sayso.Form("Refund", fields))
        shown = await court.ann.click(court.card, label="Fill in")
        await court.ann.submit_modal(shown, filled(shown, ["12.5", "broken"]))
        assert (await court.decision(ticket)).values == {"amount": 12.5, "why": "broken"}
