"""An agent that speaks the Agent Approval Protocol, a real service, and a person in Slack; each side is killed once."""

import sys

from agentapprovalprotocol import AsyncClient, AsyncGate, Call

from sayso import clock
from sayso.desk import keys
from tests.adapters.aap.test_async import Harness, harness
from tests.bots.conftest import Command
from tests.bots.restarts import setup
from tests.fakes.processes import started

__all__ = ["harness"]

AGENT = """
import os
from agentapprovalprotocol import Call, Client, Gate
gate = Gate(Client(os.environ["AAP_URL"], os.environ["AAP_TOKEN"]))
with gate.guard(Call(key="run-7:call-1", tool="deploy", arguments={"target": "prod"})) as verdict:
    print("ran" if verdict else f"did not run: {verdict.reason}", flush=True)
"""


async def test_a_call_that_a_person_allowed_runs_once_whoever_is_killed_meanwhile(command: Command) -> None:
    async with setup(command) as there:
        ann = there.slack.person("U1", name="ann")
        line = (sys.executable, "-c", AGENT)
        variables = {"AAP_URL": f"{there.url}/aap", "AAP_TOKEN": there.key}
        async with started(line, command.folder, imports=("agentapprovalprotocol",), **variables) as agent:
            await there.until(there.cards)
            await agent.kill()
        await there.restart()
        async with started(line, command.folder, imports=("agentapprovalprotocol",), **variables) as agent:
            assert (await ann.press(there.cards()[0], "Allow")).acked
            assert (await agent.ended())[1] == "ran\n"
        async with started(line, command.folder, imports=("agentapprovalprotocol",), **variables) as agent:
            assert "already attempted" in (await agent.ended())[1]
        assert (len(there.cards()), there.posts()) == (1, 1)


async def test_a_paused_call_is_woken_after_the_service_was_killed(command: Command, harness: Harness) -> None:
    async with setup(command, more='[service]\ncallback_hosts = ["127.0.0.1"]\n') as there:
        ann = there.slack.person("U1", name="ann")
        async with there.stored() as store:
            boss = await keys.Keys(store).add("platform", "operator", clock.SystemClock().now())
        base = f"{there.url}/aap"
        made = await harness.receiver.provision(provider_url=base, provisioner_token=boss, url=harness.url)
        client = AsyncClient(base, made.token)
        call = Call(key="run-1", tool="deploy", arguments={}, resume={"framework": "own", "thread": "t-7"})
        assert not await AsyncGate(client, mode="async").check(call)
        await there.until(there.cards)
        await there.restart()
        assert (await ann.press(there.cards()[0], "Allow")).acked
        await there.until(lambda: harness.woken)
        assert harness.woken == ["t-7 approved"]
        assert await AsyncGate(client, mode="async").check(call)
        await client.aclose()
