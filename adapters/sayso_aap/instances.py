"""`/v1/instances`: an operator's key makes, reads, renames and ends the instances that ask."""

from __future__ import annotations

import contextlib
import hmac
import uuid
from datetime import timedelta
from typing import Any

from aiohttp import web

from sayso import desk as desks
from sayso import digest, errors, keys, model, store
from sayso_aap import replies, wire

# What the protocol asks for: results of operations, and that an instance was deleted, are kept for seven days.
KEPT = timedelta(days=7)
_INSTANCE, _RESULT = "aap-instance", "aap-result"
# Requests withdrawn at a time when an instance ends.
_AT_ONCE = 100


class Provision(wire.Strict):
    """`ProvisionInstanceRequest`."""

    instance_name: wire.Text | None = None
    delivery: dict[str, Any] | None = None


class Instances:
    """The operations of a provisioner on the instances it made."""

    def __init__(self, desk: desks.Desk, doors: replies.Doors) -> None:
        self._desk = desk
        self._doors = doors
        self._keys = keys.Keys(desk.store)

    async def provision(self, request: web.Request) -> web.Response:
        """`POST /v1/instances`: 201 with the credential, 200 with the same again for a retry."""
        key = await self._provisioner(request)
        name, given = await self._submitted(request, Provision, key, "provision")
        found = await self._desk.store.get(_RESULT, name)
        id = _same(found, given)["id"] if found else str(uuid.uuid4())
        if not found:
            await self._make(id, given.instance_name or f"instance-{id[:8]}", key)
            try:
                await self._keep(name, given, {"id": id})
            except errors.Conflict:
                # another try of the same was faster: this one never was
                await self._end(id)
                return await self.provision_again(name, given)
        return await self._provisioned(id, 200 if found else 201)

    async def provision_again(self, name: str, given: Provision) -> web.Response:
        """The result of the try that was faster."""
        found = await self._desk.store.get(_RESULT, name)
        assert found is not None  # it was there a moment ago, and stays for days
        return await self._provisioned(_same(found, given)["id"], 200)

    async def get(self, request: web.Request) -> web.Response:
        """`GET /v1/instances/{id}`."""
        return replies.reply(_shown(await self._mine(request, await self._provisioner(request))))

    async def update(self, request: web.Request) -> web.Response:
        """`PATCH /v1/instances/{id}`: another name. A retry gets the first result, and changes nothing."""
        key = await self._provisioner(request)
        record = await self._mine(request, key)
        name, given = await self._submitted(request, Provision, key, f"update\n{record.value['id']}")
        if not given.model_fields_set:
            raise errors.InvalidRequest("an update changes something", field="instance_name")
        found = await self._desk.store.get(_RESULT, name)
        if found:
            return replies.reply(_same(found, given)["instance"])
        value = {**record.value, "name": given.instance_name or record.value["name"]}
        with contextlib.suppress(errors.Conflict):
            await self._keep(name, given, {"instance": _shown(store.Record(_INSTANCE, record.name, value))})
            await self._desk.store.put(store.Record(_INSTANCE, record.name, value, version=record.version))
        kept = await self._desk.store.get(_RESULT, name)
        assert kept is not None  # put above, here or by the same try elsewhere
        return replies.reply(_same(kept, given)["instance"])

    async def delete(self, request: web.Request) -> web.Response:
        """`DELETE /v1/instances/{id}`: its credential dies, what it asked is withdrawn. Again is the same."""
        key = await self._provisioner(request)
        record = await self._mine(request, key, ended=True)
        if not record.value.get("ended"):
            await self._end(record.value["id"])
        return replies.reply(None, 204)

    async def _provisioner(self, request: web.Request) -> keys.Key:
        key = await self._doors.authenticate(request)
        if key.role != "operator":
            raise errors.NotAllowed("only a provisioner manages instances", hint="use an operator's key")
        return key

    async def _submitted(
        self, request: web.Request, shape: type[Provision], key: keys.Key, operation: str
    ) -> tuple[str, Provision]:
        name = f"{key.name}\n{operation}\n{replies.idempotency_key(request)}"
        given = await self._doors.read(request, shape)
        if given.delivery is not None:
            raise Unsupported
        return digest.digest({"name": name}, "key"), given

    async def _make(self, id: str, name: str, key: keys.Key) -> None:
        await self._keys.add(_key_name(id), "agent", self._desk.clock.now(), key.person, secret=self._credential(id))
        value = {"id": id, "name": name, "by": key.name}
        await self._desk.store.put(store.Record(_INSTANCE, _key_name(id), value))

    async def _end(self, id: str) -> None:
        """The key first: from then on nothing new comes, and what is there can be withdrawn."""
        with contextlib.suppress(errors.NotFound):
            await self._keys.revoke(_key_name(id))
        query = store.Query(state="pending", owner=_key_name(id), limit=_AT_ONCE)
        while tickets := await self._desk.store.list(query):
            for ticket in tickets:
                await self._desk.cancel(ticket.id, reason="the instance was deleted")
        record = await self._desk.store.get(_INSTANCE, _key_name(id))
        if record:
            gone = {**record.value, "ended": True}
            until = self._desk.clock.now() + KEPT
            with contextlib.suppress(errors.Conflict):
                await self._desk.store.put(store.Record(_INSTANCE, record.name, gone, until, record.version))

    async def _mine(self, request: web.Request, key: keys.Key, *, ended: bool = False) -> store.Record:
        record = await self._desk.store.get(_INSTANCE, _key_name(request.match_info["id"]))
        if record is None or record.value["by"] != key.name or (record.value.get("ended") and not ended):
            raise errors.NotFound("there is no such instance", field="id")
        return record

    async def _provisioned(self, id: str, status: int) -> web.Response:
        record = await self._desk.store.get(_INSTANCE, _key_name(id))
        if record is None or record.value.get("ended"):
            raise replies.Conflict("instance_deleted", "the instance of this key was deleted")
        body = {"instance": _shown(record), "credential": {"token": self._credential(id)}}
        return replies.reply(body, status)

    async def _keep(self, name: str, given: Provision, result: model.JsonObject) -> None:
        value = {"digest": _digest(given), **result}
        await self._desk.store.put(store.Record(_RESULT, name, value, self._desk.clock.now() + KEPT))

    def _credential(self, id: str) -> str:
        """Follows from the service's secret, so that a retry gets the same one and nobody has to keep it."""
        return "sayso_agent_" + hmac.digest(self._desk.mint.secret, f"aap\n{id}".encode(), "sha256").hex()


class Unsupported(errors.InvalidRequest):
    """Delivery by webhook is optional in the protocol."""

    code = "unsupported_delivery_type"

    def __init__(self) -> None:
        super().__init__("this provider delivers decisions by long polls only", field="delivery")


def _key_name(id: str) -> str:
    return f"aap-{id}"


def _shown(record: store.Record) -> model.JsonObject:
    return {"id": record.value["id"], "name": record.value["name"]}


def _digest(given: Provision) -> str:
    return digest.digest(given.model_dump(mode="json", exclude_none=True), "body")


def _same(found: store.Record, given: Provision) -> dict[str, Any]:
    if found.value["digest"] != _digest(given):
        raise replies.Conflict("idempotency_conflict", "the key was used for something else")
    return found.value
