"""Workflows for the tests of `sayso_workflow`; its own file, since the SDK imports it again for every run."""

import asyncio
import dataclasses

import pydantic
from vercel.workflow import BaseHook, Workflows

import sayso_workflow

workflows = Workflows(sandbox_policy=sayso_workflow.SANDBOX)
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
