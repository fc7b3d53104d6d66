"""The pipeline: chosen by the environment, checked at the start, with an offline fallback for every part."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import AgentSession, UserStateChangedEvent, stt
from livekit.agents.llm import LLM, ChatContext

from agent.pipeline.brain_llm import BrainLLM
from agent.pipeline.build import build_session, check_pipeline
from agent.pipeline.named_plugins import InvalidPipeline
from agent.pipeline.recognizer_stt import RecognizerSTT
from agent.pipeline.speaker_tts import SpeakerTTS
from agent.redacted_log import RedactingFormatter
from agent.settings import InvalidSetting, from_environment
from agent.site.frames import AgentConfig, Context
from rigs.services.speech_service import KEY, Answer, delta, events, hanging, speech_service, status
from rigs.sound.spoken_questions import COFFEE
from voice.answering.offline_brain import OfflineBrain
from voice.settings import InvalidSpeechSetting
from voice.speaking.speaker import VoiceMissing

CONFIG = AgentConfig(
    avatar_name="Wayne",
    language="en",
    context=Context(prompt=COFFEE.read_text(), opening_text="Hello!", faqs=("Q: Fax? A: None.",)),
    history=(),
)
LIVEKIT = {"LIVEKIT_URL": "ws://rooms", "LIVEKIT_API_KEY": "key", "LIVEKIT_API_SECRET": "a long secret"}


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ignore the settings of the shell that runs the tests."""
    for name in ("AGENT_SESSION", "AGENT_STT", "AGENT_LLM", "AGENT_TTS", "STT_URL", "LLM_URL", "TTS_URL"):
        monkeypatch.delenv(name, raising=False)


class Sessions:
    """Builds sessions, and closes what they were built from."""

    def __init__(self) -> None:
        self.built: list[AgentSession[None]] = []

    def build(self) -> AgentSession[None]:
        self.built.append(build_session(CONFIG))
        return self.built[-1]


@pytest.fixture
async def sessions() -> AsyncIterator[Sessions]:
    sessions = Sessions()
    async with asyncio.timeout(30):
        yield sessions
    for session in sessions.built:
        for part in (session.stt, session.llm, session.tts):
            if part is not None:
                await part.aclose()


async def answer(session: AgentSession[None], question: str = "Are dogs allowed?") -> str:
    context = ChatContext.empty()
    context.add_message(role="user", content=question)
    assert isinstance(session.llm, LLM)
    async with session.llm.chat(chat_ctx=context) as stream:
        return "".join([chunk.delta.content or "" async for chunk in stream if chunk.delta])


async def seconds_of(session: AgentSession[None], text: str) -> float:
    assert session.tts is not None
    async with session.tts.stream() as stream:
        stream.push_text(text)
        stream.end_input()
        return sum([audio.frame.duration async for audio in stream])


def built_by_test(config: AgentConfig) -> AgentSession[None]:
    return AgentSession(llm=BrainLLM(OfflineBrain(name=config.avatar_name, prompt="")))


def builds_nothing(config: AgentConfig) -> None:
    return None


async def test_by_default_the_pipeline_is_offline(sessions: Sessions) -> None:
    session = sessions.build()

    assert isinstance(session.stt, RecognizerSTT)
    assert isinstance(session.llm, BrainLLM)
    assert isinstance(session.tts, SpeakerTTS)
    assert "Dogs are welcome" in await answer(session)
    assert await seconds_of(session, "Dogs are welcome.") > 0.5


async def test_an_openai_compatible_service_answers_when_it_is_named(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    well = events(delta("Only "), delta("small ones."), delta(finish="stop"), "data: [DONE]")
    async with speech_service(well) as service:
        monkeypatch.setenv("LLM_URL", service.url)
        session = sessions.build()

        assert await answer(session) == "Only small ones."
    [asked] = service.asked
    assert asked["messages"][-1] == {"role": "user", "content": "Are dogs allowed?"}
    assert "Harbour Guest" in asked["messages"][0]["content"]


async def test_the_offline_parts_replace_services_that_fail(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with speech_service(status(401)) as service:
        for name in ("STT", "LLM", "TTS"):
            monkeypatch.setenv(f"{name}_URL", service.url)
            monkeypatch.setenv(f"{name}_API_KEY", KEY)
        session = sessions.build()

        assert "Dogs are welcome" in await answer(session)
        assert await seconds_of(session, "Dogs are welcome.") > 0.5
    assert "status 401; the offline brain answers" in caplog.text
    assert "status 401; the offline voice speaks this sentence" in caplog.text
    assert KEY not in caplog.text


@pytest.mark.parametrize("fault", [status(500), status(401), events(then="break")])
async def test_the_offline_brain_replaces_an_llm_plugin_that_fails(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: Answer
) -> None:
    async with speech_service(fault) as service:
        monkeypatch.setenv("AGENT_LLM", "livekit.plugins.openai.LLM")
        monkeypatch.setenv("AGENT_LLM_OPTIONS", json.dumps({"base_url": service.url, "api_key": KEY}))
        session = sessions.build()

        assert "Dogs are welcome" in await answer(session)
        assert "Dogs are welcome" in await answer(session)
    assert "switching to next LLM" in caplog.text


async def test_the_offline_brain_replaces_an_llm_plugin_that_times_out(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.pipeline.fallback_speech.ATTEMPT_TIMEOUT", 0.2)
    async with speech_service(hanging) as service:
        monkeypatch.setenv("AGENT_LLM", "livekit.plugins.openai.LLM")
        monkeypatch.setenv("AGENT_LLM_OPTIONS", json.dumps({"base_url": service.url, "api_key": KEY}))

        assert "Dogs are welcome" in await answer(sessions.build())


async def test_the_offline_voice_replaces_a_tts_plugin_that_fails(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with speech_service(status(500)) as service:
        monkeypatch.setenv("AGENT_TTS", "livekit.plugins.openai.TTS")
        monkeypatch.setenv(
            "AGENT_TTS_OPTIONS",
            json.dumps({"base_url": service.url, "api_key": KEY, "response_format": "pcm"}),
        )

        assert await seconds_of(sessions.build(), "Dogs are welcome. They must be calm.") > 1
    assert "switching to next TTS" in caplog.text


class FailingSTT(stt.STT[str]):
    """A plugin whose service is unreachable."""

    def __init__(self, *, streaming: bool) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=streaming, interim_results=False))

    async def _recognize_impl(self, *_: Any, **__: Any) -> stt.SpeechEvent:
        raise ConnectionError("away")

    def stream(self, **options: Any) -> stt.RecognizeStream:
        return FailingStream(stt=self, conn_options=options["conn_options"])


class FailingStream(stt.RecognizeStream):
    async def _run(self) -> None:
        raise ConnectionError("away")


async def test_the_offline_recogniser_replaces_an_stt_plugin_that_fails(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_STT", "tests.agent.test_pipeline:FailingSTT")
    monkeypatch.setenv("AGENT_STT_OPTIONS", '{"streaming": true}')
    session = sessions.build()
    from rigs.sound.spoken_english import FRAME, RATE, spoken
    from voice.speaking.espeak_speaker import EspeakSpeaker

    speaker = EspeakSpeaker()
    question: np.ndarray = await spoken(speaker, "Are dogs allowed?")
    await speaker.close()
    session.emit("user_state_changed", UserStateChangedEvent(old_state="listening", new_state="speaking"))
    assert session.stt is not None
    has_failed = asyncio.Event()
    session.stt.on("stt_availability_changed", lambda _: has_failed.set())
    async with session.stt.stream() as stream:

        async def speak() -> None:
            await has_failed.wait()
            for start in range(0, len(question) - FRAME, FRAME):
                stream.push_frame(rtc.AudioFrame(question[start : start + FRAME].tobytes(), RATE, 1, FRAME))
            stream.end_input()

        speaking = asyncio.create_task(speak())
        finals = [
            event.alternatives[0].text
            async for event in stream
            if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT
        ]
        await speaking

    assert finals == ["Are dogs allowed?"]


async def test_the_function_named_by_agent_session_builds_the_whole_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AGENT_SESSION", "tests.agent.test_pipeline:built_by_test")

    await check_pipeline()
    assert build_session(CONFIG).tts is None


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"AGENT_LLM": "nothing.such:LLM"}, "AGENT_LLM=nothing.such:LLM cannot be imported"),
        ({"AGENT_LLM": "LLM"}, "must be package.module:name"),
        ({"AGENT_LLM": "json:JSONDecoder"}, "is no LLM of livekit-agents"),
        ({"AGENT_LLM": "agent.avatar.tone:FREQUENCY"}, "is neither a class nor a function"),
        ({"AGENT_TTS": "livekit.plugins.openai.TTS", "OPENAI_API_KEY": ""}, "AGENT_TTS=.*api_key"),
        (
            {"AGENT_TTS": "livekit.plugins.openai.TTS", "AGENT_TTS_OPTIONS": '{"voize": "alloy"}'},
            "unexpected keyword argument 'voize'",
        ),
        ({"AGENT_STT": "tests.agent.test_pipeline:FailingSTT"}, "missing 1 required keyword-only argument"),
        ({"AGENT_STT": "json:loads", "AGENT_STT_OPTIONS": "{"}, "AGENT_STT_OPTIONS is not valid JSON"),
        ({"AGENT_STT": "json:loads", "AGENT_STT_OPTIONS": "[]"}, "must be a JSON object"),
        ({"AGENT_SESSION": "tests.agent.test_pipeline:missing"}, "has no attribute 'missing'"),
    ],
)
async def test_a_pipeline_that_cannot_be_built_is_explained_at_the_start(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], words: str
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(InvalidPipeline, match=words):
        await check_pipeline()


async def test_an_error_of_a_plugin_does_not_show_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_LLM", "tests.agent.test_pipeline:refuses")
    monkeypatch.setenv("AGENT_LLM_OPTIONS", json.dumps({"api_key": KEY}))

    with pytest.raises(InvalidPipeline, match="the key … is too short") as refused:
        await check_pipeline()
    assert KEY not in repr(refused.value)


def refuses(api_key: str) -> None:
    raise RuntimeError(f"the key {api_key} is too short")


async def test_a_function_that_returns_no_session_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_SESSION", "tests.agent.test_pipeline:builds_nothing")

    with pytest.raises(InvalidPipeline, match="builds_nothing returned no AgentSession"):
        build_session(CONFIG)


async def test_wrong_speech_settings_and_a_missing_voice_are_found_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def missing(self: object) -> None:
        raise VoiceMissing("no espeak-ng here")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TTS_URL", "nonsense")
        with pytest.raises(InvalidSpeechSetting, match="TTS_URL"):
            await check_pipeline()
    monkeypatch.setattr("voice.speaking.espeak_speaker.EspeakSpeaker.open", missing)
    with pytest.raises(VoiceMissing):
        await check_pipeline()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"LIVEKIT_URL": ""}, "LIVEKIT_URL is not set"),
        ({"LIVEKIT_API_SECRET": " "}, "LIVEKIT_API_SECRET is not set"),
        ({"AGENT_CAPACITY": "0"}, "AGENT_CAPACITY: input should be greater than or equal to 1"),
        ({"AGENT_DRAIN": "soon"}, "AGENT_DRAIN: input should be a valid integer"),
        ({"AGENT_EXECUTOR": "fork"}, "AGENT_EXECUTOR: input should be 'process' or 'thread'"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL: input should be 'DEBUG', 'INFO'"),
    ],
)
def test_a_wrong_setting_of_the_worker_is_named(change: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidSetting, match=words):
        from_environment({**LIVEKIT, **change})


def test_the_settings_of_the_worker_show_no_secret() -> None:
    settings = from_environment({**LIVEKIT, "AGENT_CAPACITY": "2", "AGENT_EXECUTOR": "thread"})

    assert (settings.capacity, settings.executor) == (2, "thread")
    assert LIVEKIT["LIVEKIT_API_SECRET"] not in repr(settings)


@pytest.mark.parametrize(
    ("message", "safe"),
    [
        ("cannot reach wss://room.example/rtc?access_token=abc", "cannot reach wss://room.example/…"),
        ("url='ws://127.0.0.1:1/v1/media/secret', x", "url='ws://127.0.0.1:1/…', x"),
        ("token eyJhbGciOi.eyJzdWIi.s3cr-et_ ends", "token … ends"),
        ("key eyJzZXNzaW9u:1abc:s1gn-ed_ ends", "key … ends"),
        (f"wrong key {KEY}", "wrong key …"),
        ("the option abcdefgh12 is wrong", "the option … is wrong"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_a_log_line_holds_no_secret(message: str, safe: str) -> None:
    formatter = RedactingFormatter(
        {"LLM_API_KEY": KEY, "AGENT_TTS_OPTIONS": '{"k": "abcdefgh12"}', "HOME": "hide"}
    )
    record = logging.LogRecord("a", logging.INFO, "f", 1, "%s", (message,), None)

    assert formatter.format(record).endswith(f"INFO a: {safe}")
