"""A whole conversation by voice. Site, simulator, room server, agent and the visitor's speech are real."""

import pytest

from rigs.agent.agent_cycles import leftovers
from rigs.agent.captions import Captions
from rigs.agent.custom_stage import custom_stage, until
from rigs.rooms.guest import HOSTED, OWN, visiting
from rigs.sound.microphone import Microphone

pytestmark = pytest.mark.rooms

HOURS, DOGS = "What are your opening hours?", "Are dogs allowed?"


@pytest.mark.parametrize("answerer", [OWN, HOSTED])
async def test_a_spoken_conversation_with_an_interruption_is_recorded_and_leaves_nothing_behind(
    answerer: str,
) -> None:
    async with custom_stage(workers=1) as stage:
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

        async def is_clean() -> bool:
            return not await leftovers(stage)

        await until(is_clean)
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
