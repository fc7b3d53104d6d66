"""`voice` as livekit-agents plugins: recogniser, brain and speaker."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from livekit import rtc
from livekit.agents import UserStateChangedEvent, llm, stt, tts
from livekit.agents.voice.io import TimedString

from agent.pipeline.brain_llm import BrainLLM
from agent.pipeline.recognizer_stt import RecognizerSTT
from agent.pipeline.speaker_tts import SpeakerTTS, timed_words
from rigs.sound.spoken_english import FRAME, RATE, in_a_quiet_room, spoken
from rigs.sound.spoken_questions import COFFEE
from voice.answering.brain import Role
from voice.answering.offline_brain import OfflineBrain
from voice.factory import build_recognizer
from voice.settings import SpeechSettings
from voice.speaking.espeak_speaker import EspeakSpeaker
from voice.speaking.speaker import Voice
from voice.speaking.utterance import BYTES_PER_SECOND, SAMPLE_RATE, Utterance, WordMark


@pytest.fixture
async def speaker() -> AsyncIterator[EspeakSpeaker]:
    speaker = EspeakSpeaker()
    yield speaker
    await speaker.close()


@pytest.fixture
async def recognizer_stt() -> AsyncIterator[RecognizerSTT]:
    recognizer_stt = RecognizerSTT(build_recognizer(SpeechSettings(), texts=[COFFEE.read_text()]))
    yield recognizer_stt
    await recognizer_stt.aclose()


def push(stream: stt.RecognizeStream, samples: np.ndarray) -> None:
    for start in range(0, len(samples), FRAME):
        piece = samples[start : start + FRAME]
        stream.push_frame(rtc.AudioFrame(piece.tobytes(), RATE, 1, len(piece)))


async def heard(stream: stt.RecognizeStream) -> list[tuple[str, str]]:
    return [(event.type.value, event.alternatives[0].text) async for event in stream]


async def test_a_question_is_transcribed_word_by_word_and_then_as_a_whole(
    recognizer_stt: RecognizerSTT, speaker: EspeakSpeaker
) -> None:
    async with recognizer_stt.stream() as stream:
        push(stream, await spoken(speaker, "What are your opening hours?"))
        stream.end_input()

        events = await heard(stream)

    assert events[-1] == ("final_transcript", "What are your opening hours?")
    assert {kind for kind, _ in events[:-1]} == {"interim_transcript"}
    assert len(events) == len(set(events))


async def test_the_framework_ends_a_turn_before_the_pause_does(
    recognizer_stt: RecognizerSTT, speaker: EspeakSpeaker
) -> None:
    question = await spoken(speaker, "Are dogs allowed?")
    async with recognizer_stt.stream() as stream:
        push(stream, question[: -RATE * 3 // 4])
        stream.flush()

        async with asyncio.timeout(20):
            async for event in stream:
                if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT:
                    break

    assert event.alternatives[0].text == "Are dogs allowed?"


async def test_silence_gives_no_transcript_and_unknown_words_an_empty_one(
    recognizer_stt: RecognizerSTT, speaker: EspeakSpeaker
) -> None:
    async with recognizer_stt.stream() as stream:
        push(stream, in_a_quiet_room(np.zeros(3 * RATE)))
        push(stream, await spoken(speaker, "Parliament rejected the amendment after a lengthy debate."))
        stream.end_input()

        finals = [text for kind, text in await heard(stream) if kind == "final_transcript"]
    assert finals == [""]


async def test_only_speech_in_which_the_framework_finds_a_voice_is_transcribed(
    recognizer_stt: RecognizerSTT, speaker: EspeakSpeaker
) -> None:
    session = rtc.EventEmitter[str]()
    recognizer_stt.follow_vad(session)  # type: ignore[arg-type]
    question = await spoken(speaker, "Are dogs allowed?")

    async def understood() -> list[str]:
        async with recognizer_stt.stream() as stream:
            push(stream, question)
            stream.end_input()
            return [text for kind, text in await heard(stream) if kind == "final_transcript"]

    assert await understood() == []
    session.emit("user_state_changed", UserStateChangedEvent(old_state="listening", new_state="speaking"))
    session.emit("user_state_changed", UserStateChangedEvent(old_state="speaking", new_state="listening"))
    assert await understood() == ["Are dogs allowed?"]
    assert await understood() == []


async def test_without_a_recogniser_for_the_language_speech_gives_a_warning_and_no_transcript(
    speaker: EspeakSpeaker, caplog: pytest.LogCaptureFixture
) -> None:
    recognizer_stt = RecognizerSTT(build_recognizer(SpeechSettings(), texts=[], language="de"), "de")
    async with recognizer_stt.stream() as stream:
        push(stream, await spoken(speaker, "Guten Tag"))
        stream.end_input()

        assert await heard(stream) == []
    assert "typed text works" in caplog.text
    await recognizer_stt.aclose()


class Remembering(OfflineBrain):
    def __init__(self) -> None:
        super().__init__(name="Wayne", prompt=COFFEE.read_text())
        self.remembered: list[tuple[Role, str]] = []

    def remember(self, role: Role, text: str) -> None:
        self.remembered.append((role, text))


async def answer(brain_llm: BrainLLM, context: llm.ChatContext) -> str:
    async with brain_llm.chat(chat_ctx=context) as stream:
        return "".join([chunk.delta.content or "" async for chunk in stream if chunk.delta])


async def test_the_newest_question_is_answered_and_earlier_messages_are_remembered_once() -> None:
    brain = Remembering()
    brain_llm = BrainLLM(brain)
    context = llm.ChatContext.empty()
    context.add_message(role="system", content="Be kind.")
    context.add_message(role="user", content="Hello.")
    context.add_message(role="assistant", content="Hello! How")
    context.add_message(role="user", content="Are dogs allowed?")

    first = await answer(brain_llm, context)
    context.add_message(role="assistant", content="Dogs are")
    context.add_message(role="user", content="When do you open?")
    second = await answer(brain_llm, context)

    assert "Dogs are welcome" in first
    assert "open from" in second
    assert brain.remembered == [
        ("user", "Hello."),
        ("assistant", "Hello! How"),
        ("user", "Are dogs allowed?"),
        ("assistant", "Dogs are"),
    ]


async def test_without_a_question_there_is_no_answer() -> None:
    context = llm.ChatContext.empty()
    context.add_message(role="assistant", content="Hello!")

    assert await answer(BrainLLM(Remembering()), context) == ""


@pytest.fixture
async def speaker_tts() -> AsyncIterator[SpeakerTTS]:
    speaker_tts = SpeakerTTS(EspeakSpeaker(), Voice())
    yield speaker_tts
    await speaker_tts.aclose()


async def said(stream: tts.SynthesizeStream) -> tuple[bytes, list[TimedString]]:
    pcm, words = b"", []
    async for audio in stream:
        pcm += bytes(audio.frame.data.cast("b"))
        words += audio.frame.userdata.get("lk.timed_transcripts", [])
    return pcm, words


TEXT = "We open at nine. Dogs are welcome, as long as they are calm! Is there more?"


async def test_timed_words_cover_the_text(speaker_tts: SpeakerTTS) -> None:
    async with speaker_tts.stream() as stream:
        for letter in TEXT:
            stream.push_text(letter)
        stream.end_input()
        pcm, words = await said(stream)

    seconds = len(pcm) / BYTES_PER_SECOND
    assert "".join(words) == TEXT
    assert 3 < seconds < 10
    starts = [word.start_time for word in words if isinstance(word.start_time, float)]
    assert len(starts) == len(words)
    assert starts == sorted(starts)
    assert 0 <= starts[0] <= starts[-1] < seconds
    assert words[-1].end_time == pytest.approx(seconds, abs=0.05)


async def test_the_first_sentence_is_spoken_before_the_second_is_known(speaker_tts: SpeakerTTS) -> None:
    async with speaker_tts.stream() as stream:
        stream.push_text("We open at nine in the morning. Dogs")

        async with asyncio.timeout(20):
            first = await anext(stream)

        stream.push_text(" are welcome.")
        stream.end_input()
        await said(stream)
    assert first.frame.sample_rate == SAMPLE_RATE


@given(
    words=st.lists(st.text("abc é,.", min_size=1, max_size=8), min_size=1, max_size=12),
    start=st.floats(0, 100),
    pause_ms=st.integers(0, 400),
)
def test_timed_words_cover_any_text_in_order(words: list[str], start: float, pause_ms: int) -> None:
    text, marks = "", []
    for number, word in enumerate(words):
        marks.append(WordMark(len(text), number * pause_ms))
        text += word
    utterance = Utterance(text, bytes(BYTES_PER_SECOND * 5), tuple(reversed(marks)), ())

    timed = timed_words(utterance, start)

    assert "".join(timed) == text
    starts: list[Any] = [word.start_time for word in timed]
    assert starts == sorted(starts)
    assert timed[-1].end_time == pytest.approx(start + 5)
