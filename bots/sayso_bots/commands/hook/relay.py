"""One POST over a bare socket, sent again for as long as somebody may still answer it.

Importing `json`, `http.client` or `asyncio` takes longer than the whole of Python's start, so nothing here does.
"""

from __future__ import annotations

import _socket
import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

PATH = "/claude/hooks"
# Seconds in which a service that was never reached must answer; one that was reached may take its time to restart. One
# whose port is closed is not running, and nobody waits for that.
PATIENCE = 5.0
# Seconds between what people have and our own end; of short times a quarter. Claude Code waits longer than both.
_MARGIN = 5.0
# Seconds between two tries: at first, and at most. The service withdraws a request that nobody came back for in six.
_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
# Seconds for one try to connect.
_CONNECT = 3.0
MOST_BYTES = 16 * 1024**2
# What a service, or the proxy before it, says while it restarts.
_RESTARTING = (502, 503, 504)


class Failed(Exception):
    """There is no decision and trying again is useless; the text says what to do."""


class Relay:
    """A caller with its own deadline: people have *timeout* seconds from now."""

    def __init__(self, url: str, key: str, timeout: float, policy: str = "") -> None:
        self._url = url
        self._secure, self._host, self._port, prefix = read_address(url)
        if not (key.isascii() and key.isprintable() and " " not in key):
            raise Failed("SAYSO_KEY is no key: it holds blanks or other signs that no key has")
        self._start = time.monotonic()
        self._timeout = timeout
        self._limit = timeout + min(_MARGIN, timeout / 4)
        self._reached = False
        self._path = prefix + PATH + (f"?policy={_quote(policy)}" if policy else "")
        host = f"[{self._host}]" if ":" in self._host else self._host
        # one key for all tries, so that they all find one ticket
        self._headers = {
            "Host": f"{host}:{self._port}",
            "Authorization": f"Bearer {key}",
            "Idempotency-Key": os.urandom(16).hex(),
            "Sayso-Timeout": f"{self._limit:g}",
            "Sayso-Patience": f"{timeout:g}",
            "Content-Type": "application/json",
            "Connection": "close",
        }

    def ask(self, body: bytes) -> bytes:
        """The body of the answer. Raises `Failed`."""
        pause = _PAUSE
        while True:
            try:
                status, answer = self._post(body)
            except OSError as error:
                refused = isinstance(error, ConnectionRefusedError)
                self._check_retry(pause, str(error) or type(error).__name__, refused=refused)
            else:
                spelt_out = b'"hookSpecificOutput"' in answer or b'"block"' in answer
                if status == 200 or (status >= 400 and spelt_out and status not in _RESTARTING):
                    return answer
                if status not in _RESTARTING:
                    self._refuse(status, answer)
                self._check_retry(pause, f"HTTP {status}")
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _seconds_left(self) -> float:
        return self._start + self._limit - time.monotonic()

    def _check_retry(self, pause: float, why: str, *, refused: bool = False) -> None:
        left = self._seconds_left()
        if not self._reached and (refused or min(left, left - self._limit + PATIENCE) <= pause):
            raise Failed(f"sayso serve is not running at {self._url} ({why}): start it, or set SAYSO_URL")
        if left <= pause:
            raise Failed(f"no decision within {self._timeout:g} seconds ({why})")

    def _refuse(self, status: int, answer: bytes) -> NoReturn:
        hint = {
            401: "the key in SAYSO_KEY is unknown or revoked: make one with `sayso keys add NAME --role agent`",
            403: "the key in SAYSO_KEY may not ask: make one with `sayso keys add NAME --role agent`",
            404: "this is not the address of sayso serve: set SAYSO_URL",
            421: "the service does not answer to this host name: set SAYSO_URL to one that it was given",
        }.get(status) or _reason_in(answer)
        raise Failed(f"{self._url} answered HTTP {status}: {hint}")

    def _post(self, body: bytes) -> tuple[int, bytes]:
        if self._secure:
            return self._post_by_tls(body)
        sock = self._connect()
        try:
            self._reached = True
            head = "".join(f"{name}: {value}\r\n" for name, value in self._headers.items())
            # HTTP/1.0: nobody answers that in chunks
            start = f"POST {self._path} HTTP/1.0\r\n{head}Content-Length: {len(body)}\r\n\r\n"
            return _read_reply(self._exchange(sock, start.encode() + body))
        finally:
            sock.close()

    def _post_by_tls(self, body: bytes) -> tuple[int, bytes]:
        import http.client
        import ssl

        within = max(0.01, min(_CONNECT, self._seconds_left()))
        line = http.client.HTTPSConnection(self._host, self._port, timeout=within)
        try:
            line.connect()
            self._reached = True
            line.sock.settimeout(max(0.01, self._seconds_left()))
            line.request("POST", self._path, body, self._headers)
            reply = line.getresponse()
            return reply.status, reply.read(MOST_BYTES)
        except ssl.SSLCertVerificationError as error:
            raise Failed(f"the certificate of {self._url} is not trusted: {error.verify_message}") from error
        except http.client.HTTPException as error:
            raise ConnectionResetError(f"the answer was cut off: {type(error).__name__}") from error
        finally:
            line.close()

    def _connect(self) -> _socket.socket:
        # as bytes: Python would load its tables of foreign host names for a text
        found = _socket.getaddrinfo(self._host.encode(), self._port, 0, _socket.SOCK_STREAM)
        failed = OSError(f"{self._host} has no address")
        for family, kind, protocol, _, where in found:
            sock = _socket.socket(family, kind, protocol)
            try:
                sock.settimeout(max(0.01, min(_CONNECT, self._seconds_left())))
                sock.connect(where)
            except OSError as error:
                sock.close()
                # of several addresses one that refuses says the most: the machine is there, the service is not
                failed = failed if isinstance(failed, ConnectionRefusedError) else error
            else:
                return sock
        raise failed

    def _exchange(self, sock: _socket.socket, message: bytes) -> bytes:
        sock.settimeout(max(0.01, self._seconds_left()))
        try:  # noqa: SIM105 - contextlib takes its time to load
            sock.sendall(message)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it may have answered all the same
        chunks: list[bytes] = []
        size = 0
        while size < MOST_BYTES:
            sock.settimeout(max(0.01, self._seconds_left()))
            chunk = sock.recv(1 << 16)
            if not chunk:
                break
            chunks.append(chunk)
            size += len(chunk)
        return b"".join(chunks)


def _reason_in(answer: bytes) -> str:
    """Why the service refused, in its own words."""
    import json

    try:
        error = json.loads(answer)["error"]
        return str(error["message"]) + (f" ({error['hint']})" if error.get("hint") else "")
    except (ValueError, RecursionError, TypeError, LookupError, AttributeError):
        return "see the log of sayso serve"


def _quote(name: str) -> str:
    plain = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"
    return "".join(chr(sign) if sign in plain else f"%{sign:02X}" for sign in name.encode("utf-8", "replace"))


def read_address(url: str) -> tuple[bool, str, int, str]:
    """Whether TLS, host, port and path of an address. Raises `Failed`."""
    scheme, _, rest = url.partition("://")
    place, slash, path = rest.rstrip("/").partition("/")
    host, colon, port = place.rpartition(":") if not place.endswith("]") else (place, "", "")
    host, port = (host, port) if colon else (place, "443" if scheme == "https" else "80")
    host = host.removeprefix("[").removesuffix("]")
    plain = url.isascii() and url.isprintable() and not set(url) & set(" @?#")
    if scheme not in ("http", "https") or not host or not plain or not (port.isdigit() and 0 < int(port) < 65536):
        # it may hold a secret, so it is not shown
        raise Failed("the address in SAYSO_URL or --url is none: use one such as http://127.0.0.1:8700")
    if scheme == "http" and not _is_this_machine(host) and os.environ.get("SAYSO_PLAIN_HTTP") != "1":
        hint = "use https, or set SAYSO_PLAIN_HTTP=1 where the network in between is trusted"
        raise Failed(f"plain http would show the key to the network on the way to {host}: {hint}")
    return scheme == "https", host, int(port), slash + path


def _is_this_machine(host: str) -> bool:
    return host in ("localhost", "::1") or (host.startswith("127.") and not host.strip("0123456789."))


def _read_reply(reply: bytes) -> tuple[int, bytes]:
    """Status and body of a whole answer. One that was cut off is no answer."""
    head, blank, body = reply.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    words = first.split()
    if not blank or len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        raise ConnectionResetError("the answer was cut off")
    for line in lines:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip() != str(len(body)).encode():
            raise ConnectionResetError("the answer was cut off")
    return int(words[1]), body
