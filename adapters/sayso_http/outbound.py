"""Calls to addresses that others named: vetted at the moment of connecting, bounded, and never sent on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import aiohttp
from aiohttp import abc

from sayso import errors
from sayso.desk.posting import leases
from sayso_http import callback_urls

# Seconds for one call, in all: Standard Webhooks asks for 15 to 30.
PATIENCE = 20.0
# The same for a document: somebody waits for what is in it.
_GET_WITHIN = 8.0
LARGEST = 2_000_000
"""Bytes of a document that is read."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a receiver said."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes


class Poster:
    """Posts to addresses of the public internet, and to hosts that the operator allowed by name."""

    def __init__(
        self,
        allow: Collection[str] = (),
        *,
        resolver: abc.AbstractResolver | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self._allow = frozenset(allow)
        self._resolver = resolver
        self._patience = patience

    def check(self, url: str) -> callback_urls.Target:
        """Read an address. Raises `InvalidRequest` if its text shows that it must not be called."""
        return callback_urls.check_callback_url(url, self._allow)

    def allowed(self, url: str) -> bool:
        """Tell whether the operator named this host. Raises as `check`."""
        return self.check(url).allowed_by(self._allow)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, read: int = 0) -> Reply:
        """Post once, and read the first *read* bytes of what comes back; redirects are not followed.

        Raises:
            ChannelError: it did not get through; `final` if the address must not be called.
        """
        try:
            target = self.check(url)
        except errors.InvalidRequest as error:
            raise errors.ChannelError(error.message, final=True, hint=error.hint) from error
        leases.check()
        sockets = callback_urls.SafeSockets(target, self._allow)
        session = _session(sockets, self._resolver)
        timeout = aiohttp.ClientTimeout(total=self._patience)
        try:
            async with (
                session,
                session.post(url, data=body, headers=headers, timeout=timeout, allow_redirects=False) as response,
            ):
                lowered = {name.lower(): value for name, value in response.headers.items()}
                # what nobody needs is not waited for
                return Reply(response.status, lowered, await response.content.read(read) if read else b"")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if sockets.refused:
                hint = "the operator can allow the host by name in the settings"
                message = f"the callback's host leads to {sockets.refused}, which is not public"
                raise errors.ChannelError(message, final=True, hint=hint) from error
            raise errors.ChannelError(f"the callback did not get through: {type(error).__name__}") from error


class Getter:
    """Gets a document that the operator named: of the public internet, or of a host that they allowed."""

    def __init__(self, allow: Collection[str] = (), *, resolver: abc.AbstractResolver | None = None) -> None:
        self._allow = frozenset(allow)
        self._resolver = resolver

    async def get(self, url: str, setting: str) -> bytes:
        """The document; redirects are not followed. Errors name the *setting*: the address may be a secret.

        Raises:
            ChannelError: it did not come, or is too large.
        """
        try:
            target = callback_urls.check_callback_url(url, self._allow)
        except errors.InvalidRequest as error:
            hint = "https://, and a host that is not of this machine or its network"
            raise errors.ChannelError(f"the address of {setting} must not be called", final=True, hint=hint) from error
        sockets = callback_urls.SafeSockets(target, self._allow)
        timeout = aiohttp.ClientTimeout(total=_GET_WITHIN)
        headers = {"Accept-Encoding": "identity"}
        try:
            async with (
                _session(sockets, self._resolver) as session,
                session.get(url, headers=headers, timeout=timeout, allow_redirects=False) as response,
            ):
                if response.status != 200:
                    said = f"the address of {setting} answers with status {response.status}"
                    raise errors.ChannelError(said, hint="copy the address anew; it may have moved or been renewed")
                return await _read(response, setting)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if sockets.refused:
                said = f"the address of {setting} leads into a private network"
                raise errors.ChannelError(said, final=True, hint="private = true beside it, if it is yours") from error
            raise errors.ChannelError(f"the address of {setting} gives nothing: {type(error).__name__}") from error


async def _read(response: aiohttp.ClientResponse, setting: str) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        body += chunk
        if len(body) > LARGEST:
            raise errors.ChannelError(f"the address of {setting} gives more than {LARGEST} bytes", final=True)
    return bytes(body)


def _session(sockets: callback_urls.SafeSockets, resolver: abc.AbstractResolver | None) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        socket_factory=sockets.make, resolver=resolver, use_dns_cache=False, force_close=True
    )
    # without proxies from the environment, without cookies, and nothing is kept between calls
    return aiohttp.ClientSession(connector=connector, trust_env=False, cookie_jar=aiohttp.DummyCookieJar())
