"""What `sayso serve --hitl-port` adds: a port of its own, and answers that are dialled where others are posted."""

import socket
from dataclasses import dataclass, field

import pytest

import sayso
from sayso import asking, model
from sayso.testing import samples
from sayso_bots.service import dashboard, resumers


@dataclass
class Noted:
    """A resumer that remembers what it was given."""

    addresses: list[str | None] = field(default_factory=list[str | None])

    def next_try(self, ticket: model.Ticket, attempts: int) -> float | None:
        return float(attempts)

    async def resume(self, ticket: model.Ticket) -> bool:
        self.addresses.append(ticket.request.callback_url)
        return True


async def test_an_agent_of_this_machine_is_dialled_and_any_other_address_is_called() -> None:
    callbacks, dialer = Noted(), Noted()
    resumer = resumers.Resumers({"ws": dialer}, callbacks)
    for url in ("ws://localhost:50123", "https://hooks.example.com/", "wss://hooks.example.com/"):
        ticket = samples.sample(asking.Permission(tool="Bash", callback_url=url))
        await resumer.resume(ticket)
        assert resumer.next_try(ticket, 3) == 3.0
    assert dialer.addresses == ["ws://localhost:50123"]
    assert callbacks.addresses == ["https://hooks.example.com/", "wss://hooks.example.com/"]


def test_a_port_that_is_taken_names_the_option_and_says_what_may_run_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(sayso.InvalidSettings, match=f"port {port} is taken") as refused:
            dashboard.bind(port)
    assert (refused.value.field, "SERVER_PORT" in (refused.value.hint or "")) == ("--hitl-port", True)


def test_hooks_of_this_machine_only_find_the_door() -> None:
    with dashboard.bind(0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
