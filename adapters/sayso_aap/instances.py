"""`/v1/instances`: an operator's key makes, reads, changes and ends the instances that ask."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import uuid
import weakref
from collections.abc import Awaitable, Callable
from datetime import timedelta

from aiohttp import web

from sayso import errors, model
from sayso.content import digest
from sayso.desk import Desk, keys
from sayso.stores import Record
from sayso_aap import reading, receivers, registration_rate, responses, wire

# What the protocol asks for: results of operations, and that an instance was deleted, are kept for seven days.
KEPT = timedelta(days=7)
_RESULT = "aap-result"


class Provision(wire.Strict):
    """`ProvisionInstanceRequest`."""

    instance_name: wire.Text | None = None
    delivery: receivers.Delivery | None = None


class Update(wire.Nullable):
    """`UpdateInstanceRequest`: a delivery of null takes the receiver away."""

    instance_name: wire.Text | None = None
    delivery: receivers.Delivery | None = None


class Instances:
    """The operations of a provisioner on the instances it made."""

    def __init__(self, desk: Desk, service: reading.Service, notifier: receivers.Notifier) -> None:
        self._desk = desk
        self._service = service
        self._notifier = notifier
        self._keys = keys.Keys(desk.store)
        self._registrations = registration_rate.RegistrationRate(desk.clock)
        self._under_way = weakref.WeakValueDictionary[str, asyncio.Lock]()

    async def provision(self, request: web.Request) -> web.Response:
        """Answer `POST /v1/instances`: 201 with the credential, 200 with the same again for a retry."""
        key = await self._provisioner(request)
        name = self._attempt(request, key, "provision")
        body = await self._read(request, Provision)

        async def make() -> model.JsonObject:
            id = str(uuid.uuid4())
            await self._verify(key, body.delivery, id)
            # a body may take its time, and so may a receiver
            await self._provisioner(request)
            title = body.instance_name or f"instance-{id[:8]}"
            await self._make(id, title, key, body.delivery)
            return {"id": id}

        result, new = await self._once(name, body, make)
        return await self._answer_with(result["id"], 201 if new else 200)

    async def get(self, request: web.Request) -> web.Response:
        """Answer `GET /v1/instances/{id}`."""
        return responses.write(_resource(await self._load_own(request, await self._provisioner(request))))

    async def update(self, request: web.Request) -> web.Response:
        """Answer `PATCH /v1/instances/{id}`: another name, another receiver, or none. A retry changes nothing."""
        key = await self._provisioner(request)
        id = (await self._load_own(request, key)).value["id"]
        name = self._attempt(request, key, f"update\n{id}")
        body = await self._read(request, Update)
        if not body.model_fields_set or (body.instance_name is None and "instance_name" in body.model_fields_set):
            raise errors.InvalidRequest("an update changes the name or the delivery", field="instance_name")

        async def change() -> model.JsonObject:
            await self._verify(key, body.delivery, id)
            await self._provisioner(request)
            return {"instance": _resource(await self._change(request, key, body))}

        result, _ = await self._once(name, body, change)
        return responses.write(result["instance"])

    async def delete(self, request: web.Request) -> web.Response:
        """Answer `DELETE /v1/instances/{id}`: its credential dies, and what it asked is withdrawn."""
        key = await self._provisioner(request)
        record = await self._load_own(request, key, ended=True)
        if not record.value.get("ended"):
            await self._end(request, key)
        return responses.write(None, 204)

    async def _provisioner(self, request: web.Request) -> keys.Key:
        key = await self._service.authenticate(request)
        if key.role != "operator":
            raise errors.NotAllowed("only a provisioner manages instances", hint="use an operator's key")
        return key

    def _attempt(self, request: web.Request, key: keys.Key, operation: str) -> str:
        name = f"{key.name}\n{operation}\n{reading.idempotency_key(request)}"
        return digest.digest({"name": name}, "key")

    async def _read(self, request: web.Request, shape: type[reading.Body]) -> reading.Body:
        try:
            return await self._service.read(request, shape)
        except errors.InvalidRequest as error:
            if error.field == "delivery.type":
                raise Unsupported from error
            if error.field == "delivery.url":
                raise receivers.Unsafe("the url is not an address") from error
            raise

    async def _verify(self, key: keys.Key, wanted: receivers.Delivery | None, id: str) -> None:
        if wanted is not None:
            self._registrations.count(key.name, wanted.url)
            await self._notifier.verify(wanted, id)

    async def _once(
        self, name: str, body: Provision | Update, work: Callable[[], Awaitable[model.JsonObject]]
    ) -> tuple[model.JsonObject, bool]:
        """Do the work of this attempt once; its result, and whether it was done now. Tries wait for each other."""
        lock = self._under_way.setdefault(name, asyncio.Lock())
        async with lock:
            found = await self._desk.store.get(_RESULT, name)
            if found is not None:
                return _check_same(found, body), False
            result = {"digest": _digest(body), **await work()}
            try:
                await self._desk.store.put(Record(_RESULT, name, result, self._desk.clock.now() + KEPT))
            except errors.Conflict as error:
                # another copy of the service was asked the same at this moment: its result is found by the next try
                raise errors.StoreUnavailable("the same is being done elsewhere", hint="try again") from error
            return result, True

    async def _make(self, id: str, title: str, key: keys.Key, wanted: receivers.Delivery | None) -> None:
        name = _key_name(id)
        value = {"id": id, "name": title, "by": key.name, "delivery": wanted.model_dump() if wanted else None}
        await self._desk.store.put(Record(receivers.INSTANCE, name, value))
        # what its maker may not choose, it may not choose either
        now, secret = self._desk.clock.now(), self._credentials(id)[0]
        await self._keys.add(name, "agent", now, key.person, secret=secret, policy=key.policy, route=key.route)

    async def _change(self, request: web.Request, key: keys.Key, body: Update) -> Record:
        changes = body.model_dump(include=body.model_fields_set)
        if "instance_name" in changes:
            changes["name"] = changes.pop("instance_name")
        return await self._rewrite(request, key, changes)

    async def _rewrite(self, request: web.Request, key: keys.Key, changes: model.JsonObject) -> Record:
        """Store the instance with these changes. Raises `NotFound` if it was deleted meanwhile."""
        while True:
            record = await self._load_own(request, key)
            value = {**record.value, **changes}
            changed = Record(receivers.INSTANCE, record.name, value, record.expires_at, record.version)
            with contextlib.suppress(errors.Conflict):
                await self._desk.store.put(changed)
                return changed

    async def _end(self, request: web.Request, key: keys.Key) -> None:
        """End an instance: first nobody is told of it, then nothing new comes, then what it asked is withdrawn."""
        record = await self._rewrite(request, key, {"ended": True, "delivery": None})
        with contextlib.suppress(errors.NotFound):
            await self._keys.revoke(record.name, self._desk.clock.now(), reason="the instance was deleted")

    async def _load_own(self, request: web.Request, key: keys.Key, *, ended: bool = False) -> Record:
        record = await self._desk.store.get(receivers.INSTANCE, _key_name(request.match_info["id"]))
        if record is None or record.value["by"] != key.name or (record.value.get("ended") and not ended):
            raise errors.NotFound("there is no such instance", field="id")
        return record

    async def _answer_with(self, id: str, status: int) -> web.Response:
        record = await self._desk.store.get(receivers.INSTANCE, _key_name(id))
        if record is None or record.value.get("ended"):
            raise responses.Conflict("instance_deleted", "the instance of this key was deleted")
        answer = {"instance": _resource(record), "credential": {"token": await self._credential(id)}}
        return responses.write(answer, status)

    async def _credential(self, id: str) -> str:
        """The credential that an instance was made with: it may be by a secret of before."""
        made = self._credentials(id)
        for one in made[1:]:
            with contextlib.suppress(errors.Unauthorized):
                await self._keys.find(one)
                return one
        return made[0]

    def _credentials(self, id: str) -> list[str]:
        """Make it from the service's secrets: a retry gets the same one, and nobody has to store it."""
        digests = (hmac.digest(secret, f"aap\n{id}".encode(), "sha256") for secret in self._desk.mint.all)
        return ["sayso_agent_" + one.hex() for one in digests]


class Unsupported(errors.InvalidRequest):
    """Only webhooks are defined."""

    code = "unsupported_delivery_type"

    def __init__(self) -> None:
        super().__init__("notifications go to a webhook", field="delivery.type")


def _key_name(id: str) -> str:
    return f"aap-{id}"


def _resource(record: Record) -> model.JsonObject:
    receiver = record.value.get("delivery")
    delivery = {"delivery": receivers.configuration(receiver)} if receiver else {}
    return {"id": record.value["id"], "name": record.value["name"], **delivery}


def _digest(body: Provision | Update) -> str:
    return digest.digest(body.model_dump(mode="json", include=body.model_fields_set), "body")


def _check_same(found: Record, body: Provision | Update) -> model.JsonObject:
    if found.value["digest"] != _digest(body):
        raise responses.Conflict("idempotency_conflict", "the key was used for something else")
    return found.value
