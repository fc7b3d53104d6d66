"""Whole conversations. Site, simulator, room server, agent and the visitor's speech are real.

Of the conversations that go wrong three kinds are here; tests/soak/test_agents.py has all.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from rigs.agent.agent_cycles import CYCLES, nothing_left, run
from rigs.agent.captions import Captions
from rigs.agent.custom_stage import CustomStage, custom_stage, until
from rigs.rooms.guest import HOSTED, OWN, visiting
from rigs.sound.microphone import Microphone

pytestmark = pytest.mark.rooms

HOURS, DOGS = "What are your opening hours?", "Are dogs allowed?"
GO_WRONG = {"start reset, though performed": HOSTED, "room deleted": OWN, "agent killed": OWN}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[CustomStage]:
    async with custom_stage(workers=1, site={"PAGE_GRACE": "1"}) as stage:
        yield stage


@pytest.mark.parametrize("answerer", [OWN, HOSTED])
async def test_a_spoken_conversation_with_an_interruption_is_recorded_and_leaves_nothing_behind(
    stage: CustomStage, answerer: str
) -> None:
    async with visiting(stage.site.url, answerer) as guest:
        microphone = await Microphone(guest.room).open()
        captions = Captions(guest.room)
        key = guest.key

        async def reported(kind: str, count: int) -> None:
            await until(lambda: len(stage.events(key, kind)) >= count)

        await reported("agent.answered", 1)  # the opening text
        captions.forget()
        await microphone.say(HOURS)
        await captions.words(3)
        await microphone.say(DOGS)
        await reported("agent.answered", 3)
        await microphone.close()

    assert await nothing_left(stage) == []
    opening, cut, whole = stage.events(key, "agent.answered")
    turns, interrupted = stage.turns(key), stage.interrupted(key)
    assert (opening["interrupted"], cut["interrupted"], whole["interrupted"]) == (False, True, False)
    assert [role for role, _ in turns] == ["avatar", "user", "avatar", "user", "avatar"]
    said = [text for _, text in turns]
    assert said[1::2] == [HOURS, DOGS]
    assert said[2].startswith(cut["heard"].strip())
    assert 0 < len(cut["heard"]) < len(said[2])
    assert interrupted == 1
    assert "Dogs are welcome" in said[4]


async def test_conversations_that_fail_leave_nothing_behind(stage: CustomStage) -> None:
    for cycle in CYCLES:
        if cycle.name in GO_WRONG:
            await run(stage, cycle, GO_WRONG[cycle.name])

    assert await nothing_left(stage) == []
