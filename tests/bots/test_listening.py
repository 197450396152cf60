"""Where the service listens, and that it never answers to a network without a name of its own."""

import asyncio
import http.server
import socket
import threading

import pytest

from sayso import errors
from sayso_bots.service import database, listening
from sayso_bots.settings import environment, schema


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_on_this_machine_alone_nothing_needs_to_be_configured(host: str) -> None:
    listening.require_name(environment.Environment(host=host), schema.Service())
    named = listening.names_of(host, 8700, schema.Service())
    assert {"http://127.0.0.1:8700", "http://localhost:8700", "http://[::1]:8700"} <= named.origins


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "sayso.internal"])
def test_a_network_needs_a_name(host: str) -> None:
    with pytest.raises(errors.InvalidSettings) as caught:
        listening.require_name(environment.Environment(host=host), schema.Service())
    assert caught.value.field == "SAYSO_HOST"
    listening.require_name(environment.Environment(host=host), schema.Service(hosts=["sayso.internal"]))
    listening.require_name(environment.Environment(host=host), schema.Service(url="https://sayso.example.com"))


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:8700"), ("::1", "http://[::1]:8700"), ("0.0.0.0", "http://a:8700")],
)
def test_the_address_people_are_given_is_one_that_works(host: str, url: str) -> None:
    assert listening.names_of(host, 8700, schema.Service(hosts=["a", "b:9000"])).url == url


def test_a_host_with_a_port_keeps_it() -> None:
    named = listening.names_of("0.0.0.0", 8700, schema.Service(hosts=["b:9000", "[2001:db8::1]"]))
    assert named.origins == {"http://b:9000", "http://[2001:db8::1]:8700"}


def test_a_taken_port_and_a_strange_address_are_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(errors.InvalidSettings) as taken:
        listening.bind("127.0.0.1", other.getsockname()[1])
    with pytest.raises(errors.InvalidSettings) as strange:
        listening.bind("192.0.2.7", 0)
    assert (taken.value.field, strange.value.field) == ("SAYSO_PORT", "SAYSO_HOST")


async def test_a_service_that_listens_everywhere_is_found_by_a_name_that_it_answers_to() -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), Answering) as listener:
        threading.Thread(target=listener.handle_request).start()
        found = await asyncio.to_thread(database.find_service, "0.0.0.0", listener.server_port)
    assert found == f"http://127.0.0.1:{listener.server_port}"


class Answering(http.server.BaseHTTPRequestHandler):
    """Answers to this name only, as the service does."""

    def do_GET(self) -> None:
        mine = (self.headers["Host"] or "").startswith("127.0.0.1:")
        self.send_response(200 if mine else 421)
        self.end_headers()
        self.wfile.write(b'{"checks": {}}' if mine else b"{}")
