"""A CUSTOM conversation survives the death of its agent. Everything is real: simulator, site, workers, room server."""

import contextlib

import pytest

from rigs.agent.agent_crowd import crowd, crowd_stage
from rigs.agent.agent_cycles import leftovers, run, shuffled
from rigs.agent.agent_loss import JOB, WORKER, lose_agent, loss_stage
from rigs.agent.custom_stage import custom_stage, until
from rigs.rooms.guest import HOSTED, OWN
from rigs.rooms.room_rig import EVERY_SERVER

pytestmark = pytest.mark.rooms


@pytest.mark.parametrize("server", EVERY_SERVER)
async def test_a_killed_agent_is_replaced_by_one_that_knows_the_history(server: str) -> None:
    async with loss_stage(server) as (stage, model):
        for answerer, victim in ((OWN, JOB), (HOSTED, WORKER)):
            loss = await lose_agent(stage, model, answerer, victim)

            assert loss.wrong == (), f"after the loss of the {victim}"


async def test_the_conversations_of_a_stopping_worker_continue_with_another_without_lost_or_doubled_turns() -> (
    None
):
    async with crowd_stage(capacity=4) as stage:
        found = await crowd(stage, conversations=4, questions=4)

        assert found.wrong == ()
        assert found.moved > 0


async def test_conversations_that_fail_leave_nothing_behind() -> None:
    async with custom_stage(workers=2, site={"PAGE_GRACE": "1"}) as stage:
        for cycle, answerer in shuffled(count=8, seed=3):
            await run(stage, cycle, answerer)

        async def is_clean() -> bool:
            return not await leftovers(stage)

        with contextlib.suppress(TimeoutError):
            await until(is_clean, within=90)  # the site looks for rooms that came back once a minute
        assert await leftovers(stage) == []
