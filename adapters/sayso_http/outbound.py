"""Calls to addresses that others named: vetted at the moment of connecting, bounded, and never sent on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import aiohttp
from aiohttp import abc

from sayso import errors
from sayso_http import callback_urls

# Seconds for one call, in all: Standard Webhooks asks for 15 to 30.
PATIENCE = 20.0


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
        sockets = callback_urls.SafeSockets(target, self._allow)
        connector = aiohttp.TCPConnector(
            socket_factory=sockets.make, resolver=self._resolver, use_dns_cache=False, force_close=True
        )
        # without proxies from the environment, without cookies, and nothing is kept between calls
        session = aiohttp.ClientSession(connector=connector, trust_env=False, cookie_jar=aiohttp.DummyCookieJar())
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
