"""Sound that cannot be heard: the client does not wait for it, and sends no noise."""

import asyncio

import numpy as np
import pytest

from liveavatar.media_socket import MediaSocket, Pace
from liveavatar.pcm_check import Fault, Finding
from liveavatar.utterance import Outcome
from rigs.clock import put_clock_forward, run_due_timers
from rigs.services.media_events import newest, seconds
from rigs.services.scripted_media import CONNECTED, QUICK, ScriptedMedia


async def test_an_utterance_that_still_waits_for_the_session_is_cut_by_an_interrupt(
    media: ScriptedMedia,
) -> None:
    media.greeting = [CONNECTED]
    async with MediaSocket(media.url, pace=Pace(ready=15), retry_after=(0.01,)) as avatar:
        await media.drop()
        await media.connected(2)
        media.greeting = []
        await media.drop()
        await media.connected(3)
        saying = asyncio.create_task(avatar.say(seconds(0.5)))
        await asyncio.sleep(0)

        await avatar.interrupt()
        await media.say(CONNECTED)

        assert await (await saying).done is Outcome.CUT
        await avatar.start_listening()
        await media.command("agent.start_listening")
        assert media.of("agent.speak") == []


async def test_an_utterance_after_the_end_is_lost_at_once(media: ScriptedMedia, avatar: MediaSocket) -> None:
    await media.say({"type": "session.state_updated", "state": "disconnected"})
    await avatar.over

    utterance = await avatar.say(seconds(0.5))

    assert await utterance.done is Outcome.LOST
    assert media.commands == []


async def test_an_utterance_whose_end_is_never_reported_is_given_up(
    media: ScriptedMedia, caplog: pytest.LogCaptureFixture
) -> None:
    async with MediaSocket(media.url) as avatar:
        unheard, unended = await avatar.say(seconds(0.1)), await avatar.say(seconds(0.1))
        await media.command("agent.speak_end", 2)
        put_clock_forward(11)  # the first is not heard in time; from now on it has as long again
        await run_due_timers()
        assert not unheard.done.done()
        put_clock_forward(11)
        assert await unheard.done is Outcome.LOST
        await media.say(newest("agent.speak_started", unended.id, "t"))
        await unended.started
        assert not unended.done.done()

        put_clock_forward(11)
        assert await unended.done is Outcome.LOST
    assert caplog.text.count("no end reported of an utterance of 0.1 s") == 2


async def test_an_utterance_that_is_heard_late_is_waited_for(media: ScriptedMedia) -> None:
    async with MediaSocket(media.url) as avatar:
        utterance = await avatar.say(seconds(2))
        await media.command("agent.speak_end")
        put_clock_forward(12.5)  # heard at once it would be overdue
        await run_due_timers()
        await media.say(newest("agent.speak_started", utterance.id, "t"))
        await utterance.started
        put_clock_forward(9)
        await run_due_timers()
        await media.say(newest("agent.speak_ended", utterance.id, "t"))

        assert await utterance.done is Outcome.PLAYED


@pytest.mark.parametrize("length", [44, 9_600, 60_000])
async def test_a_file_is_not_played_as_noise(
    media: ScriptedMedia, length: int, caplog: pytest.LogCaptureFixture
) -> None:
    faults: list[Finding] = []
    async with MediaSocket(media.url, on_sound_fault=faults.append, **QUICK) as avatar:
        first, second = [await avatar.say(b"RIFF" + bytes(length)) for _ in range(2)]

        assert (await first.done, await second.done) == (Outcome.REFUSED, Outcome.REFUSED)
        assert media.of("agent.speak") == []
    assert [finding.fault for finding in faults] == [Fault.CONTAINER]
    assert caplog.text.count("this is a WAV file") == 1


async def test_floats_are_recognised_before_any_of_them_is_sent(media: ScriptedMedia) -> None:
    sine = np.sin(np.arange(48_000) / 7).astype("<f4").tobytes()
    async with MediaSocket(media.url, pace=Pace(first=0.1)) as avatar:
        stream = avatar.utterance()
        for at in range(0, len(sine), 960):
            await stream.send(sine[at : at + 960])

        assert await stream.utterance.done is Outcome.REFUSED
        assert media.of("agent.speak") == []
