"""What the agent says and reports, without a room and without sound: livekit-agents' own way to test a session."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from livekit.agents import AgentSession
from livekit.agents.voice.transcription import TranscriptSynchronizer

from agent.answering import Answering
from agent.avatar_output import AvatarOutput
from agent.presenter import Presenter
from agent.recorder import Recorder
from agent.speaking import Speaking
from agent.tone import HERTZ, SECONDS, tone
from liveavatar.media_socket import MediaSocket
from liveavatar.pcm import BYTES_PER_SECOND, RATE
from rigs.agent.reports import OPENING, Reports, welcome
from rigs.services.scripted_media import ScriptedMedia, scripted_media
from rigs.sound.spoken_questions import COFFEE
from voice.answering.offline_brain import OfflineBrain
from voice.speaking.espeak_speaker import EspeakSpeaker
from voice.speaking.speaker import Voice


@pytest.fixture
def reports() -> Reports:
    return Reports()


def recorder(reports: Reports) -> Recorder:
    return Recorder(reports, reports.shown.append)  # type: ignore[arg-type]


def brain() -> Answering:
    return Answering(OfflineBrain(name="Wayne", prompt=COFFEE.read_text()))


@asynccontextmanager
async def dialogue(reports: Reports, **members: Any) -> AsyncIterator[tuple[AgentSession[None], Any]]:
    """A session that has started, and what it did at the start."""
    async with AgentSession(
        llm=brain(), vad=None, turn_handling={"turn_detection": "manual"}, user_away_timeout=None
    ) as session:
        listens = recorder(reports)
        listens.follow(session)
        begun = await session.start(Presenter(welcome(**members), listens), capture_run=True)
        begun.expect.next_event().is_agent_handoff()
        yield session, begun


async def test_the_conversation_begins_with_the_opening_text(reports: Reports) -> None:
    async with dialogue(reports) as (_, begun):
        begun.expect.next_event().is_message(role="assistant")
        begun.expect.no_more_events()

    answered = reports.of("agent.answered")
    assert [answer["heard"] for answer in answered] == [OPENING]


async def test_who_takes_over_answers_the_question_nobody_answered(reports: Reports) -> None:
    history = (("avatar", OPENING), ("user", "Are dogs allowed?"))

    async with dialogue(reports, history=history) as (_, begun):
        message = begun.expect.next_event().is_message(role="assistant")
        begun.expect.no_more_events()

    assert "Dogs are welcome" in (message.event().item.text_content or "")


@pytest.mark.parametrize("opening", ["", "  \n"])
async def test_a_context_without_an_opening_text_waits_for_the_user(reports: Reports, opening: str) -> None:
    async with dialogue(reports, opening_text=opening) as (_, begun):
        begun.expect.no_more_events()


async def test_a_question_is_answered_from_the_context(reports: Reports) -> None:
    async with dialogue(reports) as (session, _):
        run = await session.run(user_input="Are dogs allowed?")

        message = run.expect.next_event().is_message(role="assistant")
        run.expect.no_more_events()

    assert "Dogs are welcome" in (message.event().item.text_content or "")


async def test_who_takes_over_knows_what_was_said_and_does_not_open_again(reports: Reports) -> None:
    history = (("user", "Hello."), ("avatar", "Hello! How"))
    async with dialogue(reports, history=history) as (session, begun):
        begun.expect.no_more_events()
        items = session.current_agent.chat_ctx.items
        remembered = [(item.role, item.text_content) for item in items if item.type == "message"]
        run = await session.run(user_input="When do you open?")
        run.expect.next_event().is_message(role="assistant")

    assert remembered[-2:] == [("user", "Hello."), ("assistant", "Hello! How")]


class Stage:
    """A session that speaks through an avatar, and the service's end of the avatar's line."""

    def __init__(self, session: AgentSession[None], media: ScriptedMedia) -> None:
        self.session = session
        self.media = media

    async def play(self, answer: int, kind: str) -> None:
        """Tell of the `answer`th answer, once all of it was sent."""
        end = await self.media.command("agent.speak_end", answer)
        await self.media.say({"type": kind, "event_id": "e", "source_event_id": end["event_id"]})


@asynccontextmanager
async def stage(reports: Reports, **members: Any) -> AsyncIterator[Stage]:
    mouth = Speaking(EspeakSpeaker(), Voice())
    session: AgentSession[None] = AgentSession(
        llm=brain(),
        tts=mouth,
        vad=None,
        turn_handling={"turn_detection": "manual"},
        use_tts_aligned_transcript=True,
        user_away_timeout=None,
    )
    async with scripted_media() as media, MediaSocket(media.url) as socket:
        output = AvatarOutput(socket)
        running = asyncio.create_task(output.run())
        words = TranscriptSynchronizer(next_in_chain_audio=output, next_in_chain_text=None)
        session.output.audio = words.audio_output
        session.output.transcription = words.text_output
        listens = recorder(reports)
        listens.follow(session)
        try:
            await session.start(Presenter(welcome(**members), listens))
            yield Stage(session, media)
        finally:
            running.cancel()
            await asyncio.wait({running})
            await session.aclose()
            await words.aclose()
            await mouth.aclose()


async def test_an_answer_is_reported_with_its_whole_text_and_what_was_heard(reports: Reports) -> None:
    async with stage(reports) as scene:
        await scene.play(1, "agent.speak_started")
        await reports.told("avatar.speak_started")
        await scene.play(1, "agent.speak_ended")
        await reports.told("agent.answered")
        scene.session.generate_reply(user_input="Are dogs allowed?")
        await scene.play(2, "agent.speak_started")
        await reports.told("avatar.speak_started", 2)
        await scene.play(2, "agent.speak_ended")
        answered = await reports.told("agent.answered", 2)
        await reports.told("avatar.speak_ended", 2)

    meant = reports.of("avatar.transcription")
    assert meant[0]["text"] == OPENING
    assert "Dogs are welcome" in meant[1]["text"]
    assert (answered["heard"], answered["interrupted"]) == (meant[1]["text"], False)
    assert answered["seconds"]["tts_node_ttfb"] > 0
    kinds = [kind for kind, _ in reports.events if kind.startswith("avatar.speak")]
    assert kinds == ["avatar.speak_started", "avatar.speak_ended"] * 2
    assert reports.shown == kinds
    assert reports.states[:3] == ["listening", "speaking", "listening"]


async def test_of_an_interrupted_answer_only_what_was_heard_is_told(reports: Reports) -> None:
    async with stage(reports, opening_text="") as scene:
        scene.session.generate_reply(user_input="What are your opening hours?")
        await scene.play(1, "agent.speak_started")
        await reports.told("avatar.speak_started")
        await asyncio.sleep(1.2)  # it is being heard
        await scene.session.interrupt(force=True)
        answered = await reports.told("agent.answered")
        await scene.media.command("agent.interrupt")
        said = [item.text_content for item in scene.session.history.items if item.type == "message"]

    meant = reports.of("avatar.transcription")[0]["text"]
    assert answered["interrupted"]
    assert meant.startswith(answered["heard"].strip())
    assert 5 < len(answered["heard"]) < 40 < len(meant)
    assert said == ["What are your opening hours?", answered["heard"]]


async def test_of_two_answers_each_is_told_with_what_became_of_it(reports: Reports) -> None:
    async with stage(reports, opening_text="") as scene:
        scene.session.generate_reply(user_input="Are dogs allowed?")
        scene.session.generate_reply(user_input="Do you have oat milk?")
        for answer in (1, 2):
            await scene.play(answer, "agent.speak_started")
            await reports.told("avatar.speak_started", answer)
            await scene.play(answer, "agent.speak_ended")
            await reports.told("avatar.speak_ended", answer)

    kinds = [kind for kind, _ in reports.events]
    of_one = ["avatar.speak_started", "avatar.transcription", "agent.answered", "avatar.speak_ended"]
    assert kinds == of_one * 2
    for meant, answered in zip(reports.of("avatar.transcription"), reports.of("agent.answered"), strict=True):
        assert meant["text"] == answered["heard"]


async def test_an_answer_that_is_called_off_is_not_told(reports: Reports) -> None:
    async with stage(reports, opening_text="") as scene:
        called_off = scene.session.generate_reply(user_input="Are dogs allowed?")
        await scene.media.command("agent.speak_end")
        called_off.interrupt(force=True)
        await called_off
        scene.session.generate_reply(user_input="Do you have oat milk?")
        await scene.play(2, "agent.speak_started")
        await reports.told("avatar.speak_started")

    (told,) = reports.of("avatar.transcription")
    assert "Oat milk" in told["text"]


async def test_the_test_tone_plays_to_its_end_and_can_be_interrupted(reports: Reports) -> None:
    async with stage(reports, opening_text="") as scene:
        whole = scene.session.say("", audio=tone(), add_to_chat_ctx=False)
        await scene.play(1, "agent.speak_started")
        await scene.play(1, "agent.speak_ended")
        await whole
        cut = scene.session.say("", audio=tone(), add_to_chat_ctx=False)
        await scene.play(2, "agent.speak_started")
        await reports.told("avatar.speak_started", 2)
        scene.session.interrupt(force=True)
        await cut
        await scene.media.command("agent.interrupt")

    sound = b"".join(scene.media.sound())[: round(SECONDS * BYTES_PER_SECOND)]
    samples = np.frombuffer(sound, "<i2").astype(float)
    assert len(samples) == SECONDS * RATE
    assert np.abs(np.fft.rfft(samples)).argmax() / SECONDS == HERTZ
    assert (whole.interrupted, cut.interrupted) == (False, True)
    assert reports.of("agent.answered") == reports.of("avatar.transcription") == []
    assert [item for item in scene.session.history.items if item.type == "message"] == []
