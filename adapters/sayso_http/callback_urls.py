"""Which callback addresses may be called: an agent names them, so none may lead into the operator's own network.

The text of an address is read strictly here; every network address is vetted again at the moment it is connected to.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import yarl

from sayso import errors, model

PORTS = frozenset({80, 443, 8080, 8443})

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
AddrInfo = tuple[int, int, int, str, tuple[Any, ...]]
"""One result of `getaddrinfo`."""

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]{2,45}\]|[a-z0-9_.-]{1,253})(?::(?P<port>[0-9]{1,5}))?(?:[/?][!-~]*)?",
    re.IGNORECASE | re.ASCII,
)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# The last label of a name is not a number: 127.1, 0x7f.1 and 2130706433 are ways to write an address.
_LAST_LABEL = re.compile(r"[a-z][a-z0-9-]*")
_LOCAL = (
    "localhost",
    "local",
    "internal",
    "intranet",
    "lan",
    "home",
    "corp",
    "private",
    "arpa",
    "onion",
    "localdomain",
)
# Blocks that count as global and still do not lead to a stranger's server, or that carry another address inside.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(block)
    for block in (
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # 6to4 relays
        "168.63.129.16/32",  # the host of a virtual machine at Azure
        "2001::/23",  # protocol assignments, Teredo
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
)
_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Target:
    """A callback address, read."""

    scheme: str
    host: str
    """In lower case; a literal IPv6 address without its brackets."""
    port: int

    def allowed_by(self, allow: Collection[str]) -> bool:
        """Tell whether the operator named this host, with any port (`name`) or with this one (`name:port`)."""
        named = {entry.lower() for entry in allow}
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return bool({self.host, shown, f"{shown}:{self.port}"} & named)


def check_callback_url(url: str, allow: Collection[str] = ()) -> Target:
    """Refuse an address that must not be called, as far as its text shows it.

    *allow* names hosts, `name` or `name:port`, that may lead anywhere, over http as well. All others need https, a name
    with a dot or a public address, and one of the ports 80, 443, 8080, 8443.

    Raises:
        InvalidRequest: field `callback_url`; the hint says what would be taken.
    """
    target = _read(url)
    if target.allowed_by(allow):
        return target
    if target.scheme != "https":
        raise _refusal("a decision holds the input, and http would show it to everybody on the way")
    if target.port not in PORTS:
        raise _refusal(f"port {target.port} is not one of {', '.join(map(str, sorted(PORTS)))}")
    address = _literal(target.host)
    if address is not None:
        if not is_public(address):
            raise _refusal("it leads into a private network")
    elif not _is_public_name(target.host):
        raise _refusal("its host is not a public name")
    return target


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet; one that carries another is judged by that one, or refused."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
        # 5efe marks an IPv4 address in the lower half (ISATAP)
        if address not in _UNICAST or address.scope_id or (int(address) >> 32) & 0xFCFF_FFFF == 0x5EFE:
            return False
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    return not any(address in block for block in _NOT_PUBLIC if block.version == address.version)


class SafeSockets:
    """Makes the sockets for one call: a forbidden address is refused at the last moment before it is connected to."""

    def __init__(self, target: Target, allow: Collection[str]) -> None:
        self._anywhere = target.allowed_by(allow)
        self.refused: str | None = None
        """The address that was refused, if one was."""

    def make(self, info: AddrInfo) -> socket.socket:
        """Make a socket for one address of the host. Raises `PermissionError`."""
        family, kind, protocol, _, address_and_port = info
        host = str(address_and_port[0])
        address = _literal(host)
        if not self._anywhere and (address is None or not is_public(address)):
            self.refused = host
            raise PermissionError(f"{host} is not a public address")
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made


def _read(url: str) -> Target:
    found = _URL.fullmatch(url)
    if found is None or len(url) > model.MAX_URL or "\\" in url or "#" in url:
        raise _refusal("it is not a plain http or https address")
    host, scheme = found["host"].lower().strip("[]"), found["scheme"].lower()
    target = Target(scheme, host, int(found["port"] or {"http": 80, "https": 443}[scheme]))
    if not (_literal(host) or _is_name(host)) or not _is_called_alike(url, target):
        raise _refusal("its host cannot be read in one way only")
    return target


def _is_called_alike(url: str, target: Target) -> bool:
    """Whether the library that makes the call reads the same host and port out of the address."""
    try:
        seen = yarl.URL(url)
        host, port = (seen.raw_host or "").lower(), seen.port
    except ValueError:
        return False
    return (_literal(host) or host) == (_literal(target.host) or target.host) and port == target.port != 0


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_name(host: str) -> bool:
    labels = host.split(".")
    return all(map(_LABEL.fullmatch, labels)) and bool(_LAST_LABEL.fullmatch(labels[-1]))


def _is_public_name(host: str) -> bool:
    return "." in host and host.rpartition(".")[2] not in _LOCAL


def _refusal(why: str) -> errors.InvalidRequest:
    hint = "an https address of a public host; the operator can allow others by name in the settings"
    return errors.InvalidRequest(f"this callback address cannot be used: {why}", field="callback_url", hint=hint)
