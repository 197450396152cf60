"""Sends calls to the service and repeats those that were cut. The key is in a header, never in an error or a log."""

from __future__ import annotations

import io
import ipaddress
import logging
import os
import re
from collections.abc import AsyncIterator, Mapping
from typing import TypeVar

import aiohttp
import pydantic
import tenacity
import yarl

from sayso import errors
from sayso.content import requests
from sayso.desk.upkeep import tracing
from sayso_http import wire_errors
from sayso_http.routes import CALLER_KEY, Operation

Body = TypeVar("Body", bound=pydantic.BaseModel)

log = logging.getLogger(__name__)

# Seconds: to connect, and from the end of a long poll to its answer.
_CONNECT = 10.0
_ANSWER = 20.0
# Seconds to go on trying if the service was never reached: a wrong address should be told soon.
_FIRST_PATIENCE = 10.0
# Bytes. A page of large requests is the largest answer.
_MOST = 64 * 1_048_576
# Too many calls, the service is being restarted, or a proxy before it says so. Not taken with the first and the third.
_TOO_MANY = 429
_PASSING = {429, 502, 503, 504}
# Of a 503 after which it is not known whether the call was stored.
_UNSURE = errors.StoreUnavailable("", unsure=True).code
# And of one that says why: nobody waits for a rota or a chat in silence.
_UNKNOWN = errors.MembershipUnknown.code
_KEY = re.compile(CALLER_KEY)


class _Cut(Exception):
    """No answer came, or one that says: later. *sent* is whether the call may have been taken."""

    def __init__(self, why: str, *, sent: bool, error: errors.SaysoError | None = None) -> None:
        super().__init__(why)
        self.sent = sent
        self.error = error
        """What the service itself named."""


class Calls:
    """Calls to one service with one key."""

    def __init__(self, url: str, key: str | None, *, plain_http: bool | None, patience: float) -> None:
        self._url = _read_address(url, os.environ.get("SAYSO_PLAIN_HTTP") == "1" if plain_http is None else plain_http)
        if not key or not _KEY.fullmatch(key):
            hint = "set SAYSO_KEY; make a key with: sayso keys add NAME --role agent"
            message = "SAYSO_KEY is not a key" if key else "the service needs a key"
            raise errors.InvalidSettings(message, field="SAYSO_KEY", hint=hint)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._patience = patience
        self._reached = False
        self._session: aiohttp.ClientSession | None = None

    def address(self, path: str) -> str:
        """Give a path of the service, as this client reaches it."""
        return str(self._url / path.lstrip("/"))

    def start(self) -> None:
        """Open the session; connections are made when they are needed."""
        # every waiting request holds a connection, and there may be many at once
        connector = aiohttp.TCPConnector(limit=0)
        self._session = aiohttp.ClientSession(connector=connector, headers=self._headers)

    async def close(self) -> None:
        """Close all connections; calls under way fail."""
        if self._session is not None:
            await self._session.close()

    async def send(
        self,
        operation: Operation,
        *names: str,
        body: bytes | None = None,
        query: Mapping[str, str] | None = None,
        held: float = 0.0,
        once: bool = False,
    ) -> bytes:
        """Call a route, with *names* in place of the braces of its path; the body of the answer.

        *held* is for how long the service may hold the call back, in seconds; with *once* it is not repeated if the
        service may have taken it already.

        Raises:
            SaysoError: the one that the service named; `TooMany` if it said so for longer than the patience.
            StoreUnavailable: it cannot be reached, for longer than the patience.
        """
        for name in names:
            requests.refuse_no_id(name)
        url = (self._url / operation.at(*names).lstrip("/")).with_query(query)
        timeout = aiohttp.ClientTimeout(total=_CONNECT + held + _ANSWER, sock_connect=_CONNECT)
        trying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, _Cut) and not (once and error.sent)),
            stop=tenacity.stop_after_delay(self._patience if self._reached else min(_FIRST_PATIENCE, self._patience)),
            wait=tenacity.wait_exponential(multiplier=0.1, max=5.0) + tenacity.wait_random(0, 0.2),
            before_sleep=_log_first,
            reraise=True,
        )
        try:
            return await trying(self._once, operation.method, url, body, timeout)
        except _Cut as cut:
            if isinstance(cut.error, errors.TooMany):
                raise cut.error from cut
            said, hint = f"no answer from {self._url}: {cut}", "is `sayso serve` running there? see SAYSO_URL"
            if cut.error:
                said, hint = f"{self._url} answers: {cut.error.message}", "the log of the service says more"
            if once and cut.sent:
                hint = "whether it counted is not known; look with: sayso show"
            # without the traces of two libraries, in which nobody finds what to do
            raise errors.StoreUnavailable(said, hint=hint) from None

    async def lines(self, operation: Operation, *, silence: float) -> AsyncIterator[bytes]:
        """The lines of a stream, as they come. Raises `StoreUnavailable` once it is cut, or silent for so long."""
        if self._session is None or self._session.closed:
            raise errors.SaysoError("this desk is not open", hint="use it with: async with")
        url = self._url / operation.path.lstrip("/")
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=silence)
        try:
            async with self._session.get(url, timeout=timeout, allow_redirects=False) as response:
                if response.status >= 300:
                    raise _read_error(response.status, await _read_bounded(response))
                async for line in response.content:
                    yield line
        except (aiohttp.ClientError, TimeoutError, ConnectionError, ValueError) as error:
            raise errors.StoreUnavailable(f"the stream of {self._url} was cut: {type(error).__name__}") from error

    async def _once(self, method: str, url: yarl.URL, body: bytes | None, timeout: aiohttp.ClientTimeout) -> bytes:
        if self._session is None:
            raise errors.SaysoError("this desk is not open", hint="use it with: async with")
        if self._session.closed:
            raise errors.StoreUnavailable("this desk is closed", hint="ask within: async with")
        try:
            # as a file, so that a large one is sent in pieces and does not hold up the loop
            data = None if body is None else io.BytesIO(body)
            trace = None if body is None else tracing.current()
            headers = {tracing.HEADER: trace} if trace else None
            # a redirect would take the key and the question somewhere else
            async with self._session.request(
                method, url, data=data, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                content = await _read_bounded(response)
        except aiohttp.ClientConnectorError as error:
            raise _Cut(_why(error), sent=False) from error
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise _Cut(type(error).__name__, sent=True) from error
        code = _read_code(content) if response.status in _PASSING else None
        if response.status in _PASSING and code != _UNKNOWN:
            named = _read_error(response.status, content) if code or response.status == _TOO_MANY else None
            sent = response.status in (502, 504) or code == _UNSURE
            said = f"it answers with {response.status}" + (f": {named.message}" if named else "")
            raise _Cut(said, sent=sent, error=named)
        self._reached = True
        if response.status >= 300:
            raise _read_error(response.status, content)
        return content


def _why(error: aiohttp.ClientConnectorError) -> str:
    """Why there was no connection, as the system says it."""
    if isinstance(error, aiohttp.ClientSSLError):
        return f"no TLS that is to be trusted: {getattr(error.os_error, 'verify_message', None) or 'it speaks none'}"
    number = error.os_error.errno
    return os.strerror(number) if number and number > 0 else error.strerror or type(error).__name__


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes:
    read = bytearray()
    async for chunk in response.content.iter_any():
        read += chunk
        if len(read) > _MOST:
            raise errors.SaysoError("the answer of the service is too large", hint="ask for less")
    return bytes(read)


def _read_address(url: str, plain_http: bool) -> yarl.URL:
    try:
        address = yarl.URL(url)
        host, scheme = address.host, address.scheme
    except ValueError:
        host, scheme, address = None, "", yarl.URL()
    if scheme not in ("http", "https") or not host or address.user or address.password or address.query_string:
        # the address may hold a password, so it is not repeated
        hint = "http://127.0.0.1:8700 or https://sayso.example.com; the key goes into SAYSO_KEY"
        raise errors.InvalidSettings("SAYSO_URL is not the address of a service", field="SAYSO_URL", hint=hint)
    if scheme == "http" and not plain_http and not _is_here(host):
        hint = "use https, or set SAYSO_PLAIN_HTTP=1 if the network in between is trusted"
        raise errors.InvalidSettings("plain http would show the key to others", field="SAYSO_URL", hint=hint)
    return address.with_fragment(None)


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _log_first(state: tenacity.RetryCallState) -> None:
    if state.attempt_number == 1:
        why = state.outcome.exception() if state.outcome else None
        log.warning("the service cannot be reached, trying again", extra={"error": str(why) or type(why).__name__})


def _read_code(body: bytes) -> str | None:
    try:
        return wire_errors.Failed.model_validate_json(body, extra="ignore").error.code
    except pydantic.ValidationError:
        return None


def _read_error(status: int, body: bytes) -> errors.SaysoError:
    try:
        found = wire_errors.Failed.model_validate_json(body, extra="ignore").error
    except pydantic.ValidationError:
        hint = "check SAYSO_URL: is it a sayso service?"
        return errors.SaysoError(f"the service answers with {status}, and not in our form", hint=hint)
    return wire_errors.error_of(found)


def read(body: bytes, shape: type[Body]) -> Body:
    """What a body says. Raises `SaysoError` if it says something else."""
    try:
        # a newer service may say more, in any part of it
        return shape.model_validate_json(body, extra="ignore")
    except pydantic.ValidationError as error:
        hint = "check SAYSO_URL: is it a sayso service, of this version?"
        raise errors.SaysoError("the service's answer cannot be read", hint=hint) from error
