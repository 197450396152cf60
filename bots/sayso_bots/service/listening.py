"""Where the service listens, under which names it is known, and which names it answers to."""

from __future__ import annotations

import errno
import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from sayso import errors
from sayso_bots.settings import environment, schema

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Names:
    """What the service is called."""

    url: str
    """The address that people and agents use."""
    hosts: frozenset[str]
    """All host names it answers to."""
    origins: frozenset[str]
    """Addresses from which its own pages may send forms."""


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises:
        InvalidSettings: the port is taken, or the address is not one of this machine.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        field, what = ("SAYSO_PORT", f"port {port} is taken") if taken else ("SAYSO_HOST", f"cannot listen on {host}")
        hint = "stop what listens there, or set SAYSO_PORT" if taken else "an address of this machine"
        raise errors.InvalidSettings(what, field=field, hint=hint) from error


def require_name(given: environment.Environment, service: schema.Service) -> None:
    """Refuse to listen to a network without a name to be called by.

    Without one it would have to answer to every name, also to that of a hostile page which points here.

    Raises:
        InvalidSettings: `SAYSO_HOST` is not this machine alone, and neither `service.url` nor `service.hosts` is set.
    """
    if not _is_loopback(given.host) and not service.url and not service.hosts:
        hint = 'set [service] url = "https://…", or hosts = ["…"]; or listen on 127.0.0.1 behind a proxy'
        message = f"{given.host} can be reached from other machines, and the service has no name there"
        raise errors.InvalidSettings(message, field="SAYSO_HOST", hint=hint)


def names_of(host: str, port: int, service: schema.Service) -> Names:
    """The names of a service that listens on *host* and *port*."""
    own = [] if host in ("0.0.0.0", "::", "") else [f"[{host}]" if ":" in host else host]
    known = {*_LOOPBACK, *own, *service.hosts}
    if service.url:
        known.add(urlsplit(service.url).netloc.rpartition("@")[2])
        # forms come from that address only, so an https service never takes a plain cookie
        return Names(service.url, frozenset(known), frozenset({service.url}))
    called = own if _is_loopback(host) else [*service.hosts, *own]
    origins = [_origin(name, port) for name in (*called, *(_LOOPBACK if _is_loopback(host) else ()))]
    return Names(origins[0], frozenset(known), frozenset(origins))


def _origin(name: str, port: int) -> str:
    bare = name.rpartition("]")[2] if name.startswith("[") else name
    return f"http://{name}" if ":" in bare else f"http://{name}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
