"""CUSTOM conversations that go wrong in every way there is, on both room servers, and a long crowd."""

import pytest

from rigs.agent.agent_crowd import crowd, crowd_stage
from rigs.agent.agent_cycles import CYCLES, nothing_left, run, shuffled
from rigs.agent.custom_stage import custom_stage
from rigs.rooms.room_rig import EVERY_SERVER

pytestmark = [pytest.mark.soak, pytest.mark.rooms]


@pytest.mark.parametrize("server", EVERY_SERVER)
async def test_conversations_that_go_wrong_leave_nothing_behind(server: str) -> None:
    async with custom_stage(server, site={"PAGE_GRACE": "1"}) as stage:
        for cycle, answerer in shuffled(count=len(CYCLES), seed=3):
            await run(stage, cycle, answerer)

        assert await nothing_left(stage) == []


async def test_when_a_worker_stops_no_turn_of_a_long_conversation_is_lost_or_doubled() -> None:
    async with crowd_stage(capacity=8) as stage:
        found = await crowd(stage, conversations=4, questions=10)

        assert found.wrong == ()
        assert found.moved > 0
