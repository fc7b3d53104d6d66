"""A CUSTOM conversation survives the death of its agent. Everything is real: simulator, site, workers, room server.

The crowd here is small; tests/soak/test_agents.py has a longer one.
"""

from collections.abc import Iterator

import pytest

from rigs.agent.agent_crowd import crowd, crowd_stage_at
from rigs.agent.agent_loss import JOB, WORKER, lose_agent, talkative_crew
from rigs.agent.custom_stage import CustomStage, empty_stage
from rigs.rooms.guest import HOSTED, OWN
from rigs.rooms.room_rig import EVERY_SERVER, embedded_only

pytestmark = pytest.mark.rooms


@pytest.fixture(scope="module", params=EVERY_SERVER)
def stage(request: pytest.FixtureRequest) -> Iterator[CustomStage]:
    """Simulator and site. Each test starts its own workers."""
    with empty_stage(request.param) as stage:
        yield stage


async def test_a_killed_agent_is_replaced_by_one_that_knows_the_history(stage: CustomStage) -> None:
    async with talkative_crew(stage) as model:
        for answerer, victim in ((OWN, JOB), (HOSTED, WORKER)):
            loss = await lose_agent(stage, model, answerer, victim)

            assert loss.wrong == (), f"after the loss of the {victim}"


@embedded_only("the site finds the next agent, on either server in the same way", "stage")
async def test_the_conversations_of_a_stopping_worker_continue_with_another_without_lost_or_doubled_turns(
    stage: CustomStage,
) -> None:
    async with crowd_stage_at(stage.simulator, capacity=4) as crowded:
        found = await crowd(crowded, conversations=4, questions=2)

        assert found.wrong == ()
        assert found.moved > 0
