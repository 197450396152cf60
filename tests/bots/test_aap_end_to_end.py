"""An agent that speaks the Agent Approval Protocol, a real service, and a person in Slack; each side is killed once."""

import sys

from tests.bots.conftest import Command
from tests.bots.restarts import house
from tests.fakes.processes import started

AGENT = """
import os
from agentapprovalprotocol import Call, Client, Gate
gate = Gate(Client(os.environ["AAP_URL"], os.environ["AAP_TOKEN"]))
with gate.guard(Call(key="run-7:call-1", tool="deploy", arguments={"target": "prod"})) as verdict:
    print("ran" if verdict else f"did not run: {verdict.reason}", flush=True)
"""


async def test_a_call_that_a_person_allowed_runs_once_whoever_is_killed_meanwhile(command: Command) -> None:
    async with house(command) as there:
        ann = there.slack.person("U1", name="ann")
        line = (sys.executable, "-c", AGENT)
        variables = {"AAP_URL": f"{there.url}/aap", "AAP_TOKEN": there.key}
        async with started(line, command.folder, **variables) as agent:
            await there.until(there.cards)
            await agent.kill()
        await there.restart()
        async with started(line, command.folder, **variables) as agent:
            assert (await ann.press(there.cards()[0], "Allow")).acked
            assert (await agent.ended())[1] == "ran\n"
        async with started(line, command.folder, **variables) as agent:
            assert "already attempted" in (await agent.ended())[1]
        assert (len(there.cards()), there.posts()) == (1, 1)
