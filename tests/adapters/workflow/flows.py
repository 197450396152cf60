"""Workflows for the tests of `sayso_workflow`; its own file, since the SDK imports it again for its runs."""

import asyncio
import dataclasses
from typing import Any

import pydantic
from vercel.workflow import BaseHook, Workflows

import sayso
import sayso_workflow
from sayso.testing import scripts

# One sandbox for all runs: a new one imports this file and much of the SDK again, each time that a run goes on.
workflows = Workflows(sandbox_policy=dataclasses.replace(sayso_workflow.SANDBOX, share_sandboxes=True))
ran: list[str] = []


class Approval(pydantic.BaseModel, BaseHook):
    approved: bool
    comment: str | None = None


class Transfer(pydantic.BaseModel, BaseHook):
    amount: float
    account: str

    @pydantic.field_validator("account")
    @classmethod
    def known(cls, value: str) -> str:
        if not value.startswith("DE"):
            raise ValueError("only accounts in Germany")
        return value


@dataclasses.dataclass
class Room(BaseHook):
    city: str
    nights: int


@workflows.step
async def approve(token: str, expires_in: float | None) -> None:
    await sayso_workflow.ask(Approval, token, title="Book it?", expires_in=expires_in)


@workflows.step
async def transfer(token: str) -> None:
    await sayso_workflow.ask(Transfer, token)


@workflows.step
async def room(token: str, nth: int) -> None:
    await sayso_workflow.ask(Room, token, nth=nth, expires_in=60, otherwise=Room(city="nowhere", nights=0))


@workflows.step
async def effect(what: str) -> str:
    ran.append(what)
    return what


@workflows.workflow
async def booking(token: str, expires_in: float | None = None) -> str:
    hook = Approval.wait(token=token, metadata={"tool": "book", "input": {"price": 420}})
    await approve(hook.token, expires_in)
    approval = await hook
    return await effect(f"{token} {approval.approved} {approval.comment}")


@workflows.workflow
async def paying(token: str) -> str:
    hook = Transfer.wait(token=token, metadata={"order": token})
    await transfer(hook.token)
    paid = await hook
    return await effect(f"{paid.amount:g} to {paid.account}")


@workflows.workflow
async def rooms(token: str) -> list[str]:
    cities: list[str] = []
    async with Room.wait(token=token) as hook:
        for nth in (1, 2):
            await room(hook.token, nth)
            cities.append((await hook).city)
    return cities


@workflows.workflow
async def both(one: str, two: str) -> list[bool]:
    hooks = [Approval.wait(token=one), Approval.wait(token=two)]
    await asyncio.gather(*(approve(hook.token, None) for hook in hooks))

    async def answer(index: int) -> bool:
        return (await hooks[index]).approved

    return list(await asyncio.gather(answer(0), answer(1)))


# -- for the contract of pauses ------------------------------------------------------------------------------------


@dataclasses.dataclass
class Contract:
    """What the steps of this process find: they run outside the sandbox."""

    agents: dict[str, scripts.Script] = dataclasses.field(default_factory=dict[str, scripts.Script])
    common: dict[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    failed: list[sayso.SaysoError] = dataclasses.field(default_factory=list[sayso.SaysoError])


contract = Contract()


@workflows.step
async def ask_to_pay(token: str) -> bool:
    try:
        await sayso_workflow.ask(Approval, token, **contract.common)
    except sayso.SaysoError as error:
        contract.failed.append(error)
        return False
    return True


@workflows.step
async def pay(name: str, input: dict[str, Any]) -> None:
    await contract.agents[name].tool(**input)


@workflows.step
async def tell(name: str, text: str) -> None:
    contract.agents[name].told.append(text)


@workflows.workflow
async def paying_out(name: str, calls: list[dict[str, Any]]) -> None:
    for n, one in enumerate(calls):
        hook = Approval.wait(token=f"{name}:{n}", metadata={"tool": "pay", "input": one})
        if not await ask_to_pay(hook.token):
            return
        answer = await hook
        if answer.approved:
            await pay(name, one)
        else:
            await tell(name, answer.comment or "")
