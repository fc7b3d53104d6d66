"""What the agent says and reports. There is no room; the media websocket is scripted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from livekit.agents import AgentSession
from livekit.agents.voice.io import TextOutput
from livekit.agents.voice.run_result import RunResult
from livekit.agents.voice.transcription import TranscriptSynchronizer

from agent.avatar.output import AvatarOutput
from agent.avatar.tone import FREQUENCY, SECONDS, sine_tone
from agent.conversation.avatar_agent import AvatarAgent
from agent.conversation.session_reporter import SessionReporter
from agent.pipeline.brain_llm import BrainLLM
from agent.pipeline.speaker_tts import SpeakerTTS
from liveavatar.media_socket import MediaSocket
from liveavatar.pcm import BYTES_PER_SECOND, RATE
from rigs.agent.reports import OPENING, PATIENCE, Reports, agent_config
from rigs.services.scripted_media import ScriptedMedia, scripted_media
from rigs.sound.spoken_questions import COFFEE
from voice.answering.offline_brain import OfflineBrain
from voice.speaking.espeak_speaker import EspeakSpeaker
from voice.speaking.speaker import Voice


@pytest.fixture
def reports() -> Reports:
    return Reports()


def reporter(reports: Reports) -> SessionReporter:
    return SessionReporter(reports, reports.published.append)  # type: ignore[arg-type]


def brain() -> BrainLLM:
    return BrainLLM(OfflineBrain(name="Wayne", prompt=COFFEE.read_text()))


@asynccontextmanager
async def dialogue(reports: Reports, **members: Any) -> AsyncIterator[tuple[AgentSession[None], Any]]:
    """A session without audio that has started, and what it did at the start."""
    async with AgentSession(
        llm=brain(), vad=None, turn_handling={"turn_detection": "manual"}, user_away_timeout=None
    ) as session:
        reporting = reporter(reports)
        reporting.follow_session(session)
        begun = await session.start(AvatarAgent(agent_config(**members), reporting), capture_run=True)
        begun.expect.next_event().is_agent_handoff()
        yield session, begun


async def test_the_conversation_begins_with_the_opening_text(reports: Reports) -> None:
    async with dialogue(reports) as (_, begun):
        begun.expect.next_event().is_message(role="assistant")
        begun.expect.no_more_events()

    answered = reports.of("agent.answered")
    assert [answer["heard"] for answer in answered] == [OPENING]


async def test_an_agent_that_takes_over_answers_the_unanswered_question(reports: Reports) -> None:
    history = (("avatar", OPENING), ("user", "Are dogs allowed?"))

    async with dialogue(reports, history=history) as (_, begun):
        message = begun.expect.next_event().is_message(role="assistant")
        begun.expect.no_more_events()

    assert "Dogs are welcome" in (message.event().item.text_content or "")


@pytest.mark.parametrize("opening", ["", "  \n"])
async def test_an_agent_without_an_opening_text_waits_for_the_user(reports: Reports, opening: str) -> None:
    async with dialogue(reports, opening_text=opening) as (_, begun):
        begun.expect.no_more_events()


async def test_a_question_is_answered_from_the_context(reports: Reports) -> None:
    async with dialogue(reports) as (session, _):
        run: RunResult[None] = await session.run(user_input="Are dogs allowed?")

        message = run.expect.next_event().is_message(role="assistant")
        run.expect.no_more_events()

    assert "Dogs are welcome" in (message.event().item.text_content or "")


async def test_an_agent_that_takes_over_knows_the_history_and_does_not_open_again(reports: Reports) -> None:
    history = (("user", "Hello."), ("avatar", "Hello! How"))
    async with dialogue(reports, history=history) as (session, begun):
        begun.expect.no_more_events()
        items = session.current_agent.chat_ctx.items
        remembered = [(item.role, item.text_content) for item in items if item.type == "message"]
        run: RunResult[None] = await session.run(user_input="When do you open?")
        run.expect.next_event().is_message(role="assistant")

    assert remembered[-2:] == [("user", "Hello."), ("assistant", "Hello! How")]


class HeardText(TextOutput):
    """Gets every word from the framework when it begins to sound."""

    def __init__(self) -> None:
        super().__init__(label="test", next_in_chain=None)
        self.text = ""
        self._changed = asyncio.Event()

    async def capture_text(self, text: str) -> None:
        self.text += text
        self._changed.set()

    def flush(self) -> None:
        pass

    async def words(self, count: int) -> None:
        """Wait until the `count`th word begins to sound."""
        async with asyncio.timeout(PATIENCE):
            while len(self.text.split()) < count:
                self._changed.clear()
                await self._changed.wait()


class Stage:
    """A session that speaks through an avatar, and the service's end of the media websocket."""

    def __init__(self, session: AgentSession[None], media: ScriptedMedia, heard: HeardText) -> None:
        self.session = session
        self.media = media
        self.heard = heard

    async def play(self, answer: int, kind: str) -> None:
        """Send an event about the `answer`th answer when the agent has sent all of it."""
        end = await self.media.command("agent.speak_end", answer)
        await self.media.say({"type": kind, "event_id": "e", "source_event_id": end["event_id"]})


@asynccontextmanager
async def stage(reports: Reports, **members: Any) -> AsyncIterator[Stage]:
    voice = SpeakerTTS(EspeakSpeaker(), Voice())
    session: AgentSession[None] = AgentSession(
        llm=brain(),
        tts=voice,
        vad=None,
        turn_handling={"turn_detection": "manual"},
        use_tts_aligned_transcript=True,
        user_away_timeout=None,
    )
    async with scripted_media() as media, MediaSocket(media.url) as socket:
        output, heard = AvatarOutput(socket), HeardText()
        running = asyncio.create_task(output.run())
        words = TranscriptSynchronizer(next_in_chain_audio=output, next_in_chain_text=heard)
        session.output.audio = words.audio_output
        session.output.transcription = words.text_output
        reporting = reporter(reports)
        reporting.follow_session(session)
        try:
            await session.start(AvatarAgent(agent_config(**members), reporting))
            yield Stage(session, media, heard)
        finally:
            running.cancel()
            await asyncio.wait({running})
            await session.aclose()
            await words.aclose()
            await voice.aclose()


async def test_an_answer_is_reported_with_its_whole_text_and_the_text_that_was_heard(
    reports: Reports,
) -> None:
    async with stage(reports) as scene:
        await scene.play(1, "agent.speak_started")
        await reports.reported("avatar.speak_started")
        await scene.play(1, "agent.speak_ended")
        await reports.reported("agent.answered")
        scene.session.generate_reply(user_input="Are dogs allowed?")
        await scene.play(2, "agent.speak_started")
        await reports.reported("avatar.speak_started", 2)
        await scene.play(2, "agent.speak_ended")
        answered = await reports.reported("agent.answered", 2)
        await reports.reported("avatar.speak_ended", 2)

    meant = reports.of("avatar.transcription")
    assert meant[0]["text"] == OPENING
    assert "Dogs are welcome" in meant[1]["text"]
    assert (answered["heard"], answered["interrupted"]) == (meant[1]["text"], False)
    assert answered["seconds"]["tts_node_ttfb"] > 0
    kinds = [kind for kind, _ in reports.events if kind.startswith("avatar.speak")]
    assert kinds == ["avatar.speak_started", "avatar.speak_ended"] * 2
    assert reports.published == kinds
    assert reports.states[:3] == ["listening", "speaking", "listening"]


async def test_an_interrupted_answer_is_reported_with_the_words_that_were_heard(reports: Reports) -> None:
    async with stage(reports, opening_text="") as scene:
        scene.session.generate_reply(user_input="What are your opening hours?")
        await scene.play(1, "agent.speak_started")
        await reports.reported("avatar.speak_started")
        await scene.heard.words(3)
        await scene.session.interrupt(force=True)
        answered = await reports.reported("agent.answered")
        await scene.media.command("agent.interrupt")
        said = [item.text_content for item in scene.session.history.items if item.type == "message"]

    meant = reports.of("avatar.transcription")[0]["text"]
    assert answered["interrupted"]
    assert meant.startswith(answered["heard"].strip())
    assert 0 < len(answered["heard"]) < len(meant)
    assert said == ["What are your opening hours?", answered["heard"]]


async def test_two_answers_in_a_row_are_reported_one_after_the_other(reports: Reports) -> None:
    async with stage(reports, opening_text="") as scene:
        scene.session.generate_reply(user_input="Are dogs allowed?")
        scene.session.generate_reply(user_input="Do you have oat milk?")
        for answer in (1, 2):
            await scene.play(answer, "agent.speak_started")
            await reports.reported("avatar.speak_started", answer)
            await scene.play(answer, "agent.speak_ended")
            await reports.reported("avatar.speak_ended", answer)

    kinds = [kind for kind, _ in reports.events]
    of_one = ["avatar.speak_started", "avatar.transcription", "agent.answered", "avatar.speak_ended"]
    assert kinds == of_one * 2
    for meant, answered in zip(reports.of("avatar.transcription"), reports.of("agent.answered"), strict=True):
        assert meant["text"] == answered["heard"]


async def test_a_cancelled_answer_is_not_reported(reports: Reports) -> None:
    async with stage(reports, opening_text="") as scene:
        cancelled = scene.session.generate_reply(user_input="Are dogs allowed?")
        await scene.media.command("agent.speak_end")
        cancelled.interrupt(force=True)
        await cancelled
        scene.session.generate_reply(user_input="Do you have oat milk?")
        await scene.play(2, "agent.speak_started")
        await reports.reported("avatar.speak_started")

    (answer,) = reports.of("avatar.transcription")
    assert "Oat milk" in answer["text"]


async def test_the_test_tone_plays_to_its_end_and_can_be_interrupted(reports: Reports) -> None:
    async with stage(reports, opening_text="") as scene:
        whole = scene.session.say("", audio=sine_tone(), add_to_chat_ctx=False)
        await scene.play(1, "agent.speak_started")
        await scene.play(1, "agent.speak_ended")
        await whole
        cut = scene.session.say("", audio=sine_tone(), add_to_chat_ctx=False)
        await scene.play(2, "agent.speak_started")
        await reports.reported("avatar.speak_started", 2)
        scene.session.interrupt(force=True)
        await cut
        await scene.media.command("agent.interrupt")

    sound = b"".join(scene.media.sound())[: round(SECONDS * BYTES_PER_SECOND)]
    samples = np.frombuffer(sound, "<i2").astype(float)
    assert len(samples) == SECONDS * RATE
    assert np.abs(np.fft.rfft(samples)).argmax() / SECONDS == FREQUENCY
    assert (whole.interrupted, cut.interrupted) == (False, True)
    assert reports.of("agent.answered") == reports.of("avatar.transcription") == []
    assert [item for item in scene.session.history.items if item.type == "message"] == []
