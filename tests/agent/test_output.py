"""The avatar as an audio output: what livekit-agents asks of it, and what goes over the media websocket."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from livekit import rtc
from livekit.agents.voice.io import PlaybackFinishedEvent

from agent.avatar.output import AvatarOutput
from liveavatar.media_socket import MediaSocket, Pace
from liveavatar.pcm import BYTES_PER_SECOND, RATE
from rigs.services.scripted_media import ScriptedMedia, scripted_media


class Voice:
    """An output, the events that it emits, and the service's end of its media websocket."""

    def __init__(self, output: AvatarOutput, media: ScriptedMedia) -> None:
        self.output = output
        self.media = media
        self.running = asyncio.create_task(output.run())
        self.started = 0
        self.finished: list[PlaybackFinishedEvent] = []
        self._news = asyncio.Condition()
        output.on("playback_started", lambda _: self._tell(None))
        output.on("playback_finished", self._tell)
        self._tasks: set[asyncio.Task[None]] = set()

    async def say(self, seconds: float, *, flush: bool = True, rate: int = RATE, channels: int = 1) -> None:
        for _ in range(round(seconds / 0.05)):
            samples = rate // 20
            frame = rtc.AudioFrame(bytes(2 * samples * channels), rate, channels, samples)
            await self.output.capture_frame(frame)
        if flush:
            self.output.flush()

    async def heard(self, kind: str, utterance: int = 1) -> None:
        """Have the service send an event about the `utterance`th utterance."""
        ids = list(dict.fromkeys(command["event_id"] for command in self.media.of("agent.speak")))
        await self.media.say({"type": kind, "event_id": "e", "source_event_id": ids[utterance - 1]})

    async def start(self) -> float:
        """Have the service begin to play the first utterance; return the loop's time before that."""
        before = asyncio.get_running_loop().time()
        await self.heard("agent.speak_started")
        await self.is_started()
        return before

    async def is_started(self, count: int = 1) -> None:
        async with self._news, asyncio.timeout(10):
            await self._news.wait_for(lambda: self.started >= count)

    async def is_finished(self, count: int = 1) -> PlaybackFinishedEvent:
        async with self._news, asyncio.timeout(10):
            await self._news.wait_for(lambda: len(self.finished) >= count)
            return self.finished[count - 1]

    def _tell(self, event: PlaybackFinishedEvent | None) -> None:
        async def tell() -> None:
            async with self._news:
                if event is None:
                    self.started += 1
                else:
                    self.finished.append(event)
                self._news.notify_all()

        task = asyncio.create_task(tell())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@pytest.fixture
async def voice() -> AsyncIterator[Voice]:
    async with (
        asyncio.timeout(20),
        scripted_media() as media,
        MediaSocket(media.url, pace=Pace(ready=1), retry_after=(0.01, 0.01)) as socket,
    ):
        output = AvatarOutput(socket)
        voice = Voice(output, media)
        yield voice
        voice.running.cancel()
        await asyncio.wait({voice.running})


def lengths(media: ScriptedMedia) -> list[float]:
    return [len(sound) / BYTES_PER_SECOND for sound in media.sound()]


async def test_a_spoken_answer_is_finished_at_its_whole_length(voice: Voice) -> None:
    await voice.say(1.7)
    await voice.media.command("agent.speak_end")
    assert lengths(voice.media) == [0.5, 1.0, pytest.approx(0.2)]

    await voice.start()
    await voice.heard("agent.speak_ended")

    finished = await voice.is_finished()
    assert finished.playback_position == pytest.approx(1.7)
    assert not finished.interrupted


async def test_audio_is_sent_before_the_answer_is_complete(voice: Voice) -> None:
    await voice.say(0.6, flush=False)

    await voice.media.command("agent.speak")
    assert voice.media.of("agent.speak_end") == []


async def test_an_interrupted_answer_is_finished_before_the_service_reports_it_and_only_once(
    voice: Voice,
) -> None:
    await voice.say(3)
    await voice.media.command("agent.speak_end")
    started_at = await voice.start()

    voice.output.clear_buffer()
    finished = await voice.is_finished()
    finished_at = asyncio.get_running_loop().time()
    await voice.media.command("agent.interrupt")
    await voice.heard("agent.speak_interrupted")
    await voice.heard("agent.speak_ended")
    await voice.say(0.5)
    await voice.media.command("agent.speak_end", 2)

    assert finished.interrupted
    assert 0 < finished.playback_position <= finished_at - started_at
    assert len(voice.finished) == 1


async def test_an_interrupt_during_synthesis_drops_the_rest_of_the_answer(voice: Voice) -> None:
    await voice.say(0.6, flush=False)
    await voice.media.command("agent.speak")

    voice.output.clear_buffer()
    await voice.say(2)
    await voice.say(0.6)
    await voice.media.command("agent.speak_end")

    assert [command["type"] for command in voice.media.commands] == [
        *("agent.speak", "agent.interrupt", "agent.speak", "agent.speak", "agent.speak_end")
    ]
    assert lengths(voice.media) == [0.5, 0.5, pytest.approx(0.1)]
    assert len(voice.finished) == 1


async def test_a_silent_avatar_is_not_interrupted(voice: Voice) -> None:
    voice.output.clear_buffer()
    voice.output.set_listening(True)

    await voice.media.command("agent.start_listening")
    assert voice.media.of("agent.interrupt") == []


async def test_a_resumed_answer_continues_where_it_was_paused(voice: Voice) -> None:
    await voice.say(4)
    await voice.media.command("agent.speak_end")
    await voice.start()

    voice.output.pause()
    heard = voice.output._segments[0].position
    await voice.media.command("agent.interrupt")
    assert voice.finished == []
    voice.output.resume()
    await voice.media.command("agent.speak_end", 2)

    ids = list(dict.fromkeys(command["event_id"] for command in voice.media.of("agent.speak")))
    again = sum(
        len(sound)
        for command, sound in zip(voice.media.of("agent.speak"), voice.media.sound(), strict=True)
        if command["event_id"] == ids[1]
    )
    assert heard > 0
    assert again / BYTES_PER_SECOND == pytest.approx(4 - heard, abs=1 / RATE)
    await voice.heard("agent.speak_started", 2)
    await voice.heard("agent.speak_ended", 2)
    finished = await voice.is_finished()
    assert finished.playback_position == pytest.approx(4)
    assert not finished.interrupted
    assert voice.started == 1


async def test_a_pause_that_becomes_an_interruption_ends_the_answer(voice: Voice) -> None:
    await voice.say(4)
    await voice.media.command("agent.speak_end")
    await voice.start()

    voice.output.pause()
    voice.output.clear_buffer()
    finished = await voice.is_finished()
    await voice.say(0.3)

    await voice.media.command("agent.speak_end", 2)
    assert finished.interrupted
    assert len(voice.media.of("agent.interrupt")) == 1


async def test_audio_captured_during_a_pause_is_sent_after_it(voice: Voice) -> None:
    voice.output.pause()
    await voice.say(0.8)
    assert voice.media.commands == []

    voice.output.resume()

    await voice.media.command("agent.speak_end")
    assert sum(lengths(voice.media)) == pytest.approx(0.8)


@pytest.mark.parametrize("loss", ["drop", "cut"])
async def test_an_answer_that_the_service_loses_counts_as_interrupted(voice: Voice, loss: str) -> None:
    await voice.say(3)
    await voice.media.command("agent.speak_end")
    started_at = await voice.start()

    if loss == "drop":
        await voice.media.drop()
    else:
        await voice.heard("agent.speak_interrupted")

    finished = await voice.is_finished()
    finished_at = asyncio.get_running_loop().time()
    assert finished.interrupted
    assert 0 < finished.playback_position <= finished_at - started_at


async def test_two_answers_are_finished_each_at_its_own_length(voice: Voice) -> None:
    await voice.say(0.5)
    await voice.say(0.7)
    await voice.media.command("agent.speak_end", 2)

    for number in (1, 2):
        await voice.heard("agent.speak_started", number)
        await voice.heard("agent.speak_ended", number)

    assert (await voice.is_finished(1)).playback_position == pytest.approx(0.5)
    assert (await voice.is_finished(2)).playback_position == pytest.approx(0.7)


async def test_audio_that_was_queued_before_a_pause_is_sent_whole_after_it(voice: Voice) -> None:
    """Audio that waits for a slow connection must not be sent after the pause, whose interrupt would cut it."""
    voice.output.set_listening(True)
    await voice.say(0.6)
    voice.output.pause()
    voice.output.resume()

    await voice.media.command("agent.speak_end")
    voice.output.set_listening(False)
    await voice.media.command("agent.stop_listening")
    kinds = [command["type"] for command in voice.media.commands if "listening" not in command["type"]]
    assert kinds == ["agent.interrupt", "agent.speak", "agent.speak", "agent.speak_end"]
    assert sum(lengths(voice.media)) == pytest.approx(0.6)
    assert voice.finished == []


async def test_an_answer_paused_at_its_end_is_finished_by_the_resume(
    voice: Voice,
) -> None:
    await voice.say(0.1)
    await voice.media.command("agent.speak_end")
    await voice.start()
    segment = voice.output._segments[0]
    segment.mark_playing(asyncio.get_running_loop().time() - 5)

    voice.output.pause()
    voice.output.resume()

    finished = await voice.is_finished()
    assert finished.playback_position == pytest.approx(0.1)
    assert not finished.interrupted


@pytest.mark.parametrize(("rate", "channels"), [(RATE, 2), (48_000, 1), (16_000, 2)])
async def test_audio_of_another_format_is_converted(voice: Voice, rate: int, channels: int) -> None:
    await voice.say(1, rate=rate, channels=channels)

    await voice.media.command("agent.speak_end")
    assert sum(lengths(voice.media)) == pytest.approx(1, abs=0.02)


async def test_an_answer_in_a_container_format_is_finished_unsent(voice: Voice) -> None:
    header = b"RIFF" + bytes(40)
    await voice.output.capture_frame(rtc.AudioFrame(header, RATE, 1, len(header) // 2))
    await voice.say(1)

    finished = await voice.is_finished()
    voice.output.set_listening(True)
    await voice.media.command("agent.start_listening")
    assert (finished.playback_position, finished.interrupted) == (0, True)
    assert voice.media.of("agent.speak") == []


async def test_audio_captured_after_the_end_counts_as_interrupted(voice: Voice) -> None:
    voice.running.cancel()
    await asyncio.wait({voice.running})

    await voice.say(1)
    await voice.say(1)

    async with asyncio.timeout(5):
        assert (await voice.output.wait_for_playout()).interrupted
    assert (await voice.is_finished(2)).interrupted


async def test_an_output_that_ends_finishes_its_answers() -> None:
    async with scripted_media() as media, MediaSocket(media.url) as socket:
        voice = Voice(AvatarOutput(socket), media)
        await voice.say(3)
        await media.command("agent.speak_end")

        voice.running.cancel()

        async with asyncio.timeout(5):
            assert (await voice.output.wait_for_playout()).interrupted
        await asyncio.wait({voice.running})


@pytest.mark.parametrize("first", ["an answer", "silence", "the user"])
async def test_the_answer_of_a_lost_agent_is_interrupted_once_by_the_first_speech(first: str) -> None:
    async with scripted_media() as media, MediaSocket(media.url) as socket:
        voice = Voice(AvatarOutput(socket, takes_over=True), media)

        match first:
            case "an answer":
                await voice.say(1)
            case "silence":
                voice.output.clear_buffer()
            case "the user":
                voice.output.silence_predecessor()
        await media.command("agent.interrupt")
        await voice.say(1)
        await media.command("agent.speak_end")

        kinds = [command["type"] for command in media.commands]
        assert (kinds[0], kinds.count("agent.interrupt")) == ("agent.interrupt", 1)
        voice.running.cancel()
        await asyncio.wait({voice.running})
