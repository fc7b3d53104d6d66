"""What the agent hears, thinks and speaks with: chosen by the environment, checked at the start, stood in for."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import AgentSession, UserStateChangedEvent, stt
from livekit.agents.llm import ChatContext

from agent.answering import Answering
from agent.hearing import Hearing
from agent.log import SafeFormatter
from agent.pipeline import BadPipeline, build_session, check
from agent.settings import InvalidSetting, from_environment
from agent.site import Welcome
from agent.speaking import Speaking
from rigs.services.speech_service import KEY, Answer, delta, events, hanging, speech_service, status
from rigs.sound.spoken_questions import COFFEE
from voice.answering.offline_brain import OfflineBrain
from voice.settings import InvalidSpeechSetting
from voice.speaking.speaker import VoiceMissing

WELCOME = Welcome(2.0, "Wayne", COFFEE.read_text(), "Hello!", ("Q: Fax? A: None.",), "en", ())
LIVEKIT = {"LIVEKIT_URL": "ws://rooms", "LIVEKIT_API_KEY": "key", "LIVEKIT_API_SECRET": "a long secret"}


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of whoever runs the tests."""
    for name in ("AGENT_SESSION", "AGENT_STT", "AGENT_LLM", "AGENT_TTS", "STT_URL", "LLM_URL", "TTS_URL"):
        monkeypatch.delenv(name, raising=False)


class Sessions:
    """Builds sessions, and closes what they were built from."""

    def __init__(self) -> None:
        self.built: list[AgentSession[None]] = []

    def build(self) -> AgentSession[None]:
        self.built.append(build_session(WELCOME))
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
    assert session.llm is not None
    async with session.llm.chat(chat_ctx=context) as stream:
        return "".join([chunk.delta.content or "" async for chunk in stream if chunk.delta])


async def seconds_of(session: AgentSession[None], text: str) -> float:
    assert session.tts is not None
    async with session.tts.stream() as stream:
        stream.push_text(text)
        stream.end_input()
        return sum([audio.frame.duration async for audio in stream])


def built_by_test(welcome: Welcome) -> AgentSession[None]:
    return AgentSession(llm=Answering(OfflineBrain(name=welcome.avatar_name, prompt="")))


def builds_nothing(welcome: Welcome) -> None:
    return None


async def test_by_default_everything_is_offline(sessions: Sessions) -> None:
    session = sessions.build()

    assert isinstance(session.stt, Hearing)
    assert isinstance(session.llm, Answering)
    assert isinstance(session.tts, Speaking)
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


async def test_the_offline_classes_stand_in_for_services_that_fail(
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
async def test_the_offline_brain_stands_in_for_a_plugin_that_fails(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: Answer
) -> None:
    async with speech_service(fault) as service:
        monkeypatch.setenv("AGENT_LLM", "livekit.plugins.openai.LLM")
        monkeypatch.setenv("AGENT_LLM_OPTIONS", json.dumps({"base_url": service.url, "api_key": KEY}))
        session = sessions.build()

        assert "Dogs are welcome" in await answer(session)
        assert "Dogs are welcome" in await answer(session)
    assert "switching to next LLM" in caplog.text


async def test_a_plugin_that_does_not_answer_is_not_waited_for(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.spare.PATIENCE", 0.2)
    async with speech_service(hanging) as service:
        monkeypatch.setenv("AGENT_LLM", "livekit.plugins.openai.LLM")
        monkeypatch.setenv("AGENT_LLM_OPTIONS", json.dumps({"base_url": service.url, "api_key": KEY}))

        assert "Dogs are welcome" in await answer(sessions.build())


async def test_the_offline_voice_stands_in_for_a_plugin_that_fails(
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


class FailingEars(stt.STT[str]):
    """A recogniser whose service is away."""

    def __init__(self, *, streaming: bool) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=streaming, interim_results=False))

    async def _recognize_impl(self, *_: Any, **__: Any) -> stt.SpeechEvent:
        raise ConnectionError("away")

    def stream(self, **options: Any) -> stt.RecognizeStream:
        return FailingStream(stt=self, conn_options=options["conn_options"])


class FailingStream(stt.RecognizeStream):
    async def _run(self) -> None:
        raise ConnectionError("away")


async def test_the_offline_recogniser_stands_in_for_a_plugin_that_fails(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_STT", "tests.agent.test_pipeline:FailingEars")
    monkeypatch.setenv("AGENT_STT_OPTIONS", '{"streaming": true}')
    session = sessions.build()
    from voice.espeak import EspeakSpeaker

    from rigs.sound.spoken_english import FRAME, RATE, spoken

    mouth = EspeakSpeaker()
    question: np.ndarray = await spoken(mouth, "Are dogs allowed?")
    await mouth.close()
    session.emit("user_state_changed", UserStateChangedEvent(old_state="listening", new_state="speaking"))
    assert session.stt is not None
    async with session.stt.stream() as stream:

        async def speak() -> None:
            await asyncio.sleep(0.1)  # the fault is known at once
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


async def test_a_session_of_ones_own_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_SESSION", "tests.agent.test_pipeline:built_by_test")

    await check()
    assert build_session(WELCOME).tts is None


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"AGENT_LLM": "nothing.such:LLM"}, "AGENT_LLM=nothing.such:LLM cannot be imported"),
        ({"AGENT_LLM": "LLM"}, "must be package.module:name"),
        ({"AGENT_LLM": "json:JSONDecoder"}, "is no LLM of livekit-agents"),
        ({"AGENT_LLM": "agent.tone:HERTZ"}, "is neither a class nor a function"),
        ({"AGENT_TTS": "livekit.plugins.openai.TTS", "OPENAI_API_KEY": ""}, "AGENT_TTS=.*api_key"),
        (
            {"AGENT_TTS": "livekit.plugins.openai.TTS", "AGENT_TTS_OPTIONS": '{"voize": "alloy"}'},
            "unexpected keyword argument 'voize'",
        ),
        ({"AGENT_STT": "tests.agent.test_pipeline:FailingEars"}, "missing 1 required keyword-only argument"),
        ({"AGENT_STT": "json:loads", "AGENT_STT_OPTIONS": "{"}, "AGENT_STT_OPTIONS is no JSON"),
        ({"AGENT_STT": "json:loads", "AGENT_STT_OPTIONS": "[]"}, "must be a JSON object"),
        ({"AGENT_SESSION": "tests.agent.test_pipeline:missing"}, "has no attribute 'missing'"),
    ],
)
async def test_a_pipeline_that_cannot_be_built_is_told_at_the_start_in_words(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], words: str
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(BadPipeline, match=words):
        await check()


async def test_an_error_of_a_plugin_does_not_show_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_LLM", "tests.agent.test_pipeline:refuses")
    monkeypatch.setenv("AGENT_LLM_OPTIONS", json.dumps({"api_key": KEY}))

    with pytest.raises(BadPipeline, match="the key … is too short") as refused:
        await check()
    assert KEY not in repr(refused.value)


def refuses(api_key: str) -> None:
    raise RuntimeError(f"the key {api_key} is too short")


async def test_a_function_that_builds_no_session_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_SESSION", "tests.agent.test_pipeline:builds_nothing")

    with pytest.raises(BadPipeline, match="builds_nothing returned no AgentSession"):
        build_session(WELCOME)


async def test_wrong_speech_settings_and_a_missing_voice_are_told_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def missing(self: object) -> None:
        raise VoiceMissing("no espeak-ng here")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TTS_URL", "nonsense")
        with pytest.raises(InvalidSpeechSetting, match="TTS_URL"):
            await check()
    monkeypatch.setattr("voice.speaking.espeak_speaker.EspeakSpeaker.open", missing)
    with pytest.raises(VoiceMissing):
        await check()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"LIVEKIT_URL": ""}, "LIVEKIT_URL is not set"),
        ({"LIVEKIT_API_SECRET": " "}, "LIVEKIT_API_SECRET is not set"),
        ({"AGENT_CAPACITY": "0"}, "AGENT_CAPACITY must be a whole number, 1 or more"),
        ({"AGENT_DRAIN": "soon"}, "AGENT_DRAIN must be a whole number, 0 or more"),
        ({"AGENT_EXECUTOR": "fork"}, "AGENT_EXECUTOR must be process"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL must be one of"),
    ],
)
def test_a_wrong_setting_of_the_worker_is_named(change: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidSetting, match=words):
        from_environment({**LIVEKIT, **change})


def test_the_settings_of_the_worker_show_no_secret() -> None:
    settings = from_environment({**LIVEKIT, "AGENT_CAPACITY": "2", "AGENT_EXECUTOR": "thread"})

    assert (settings.capacity, settings.threads) == (2, True)
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
    formatter = SafeFormatter(
        {"LLM_API_KEY": KEY, "AGENT_TTS_OPTIONS": '{"k": "abcdefgh12"}', "HOME": "hide"}
    )
    record = logging.LogRecord("a", logging.INFO, "f", 1, "%s", (message,), None)

    assert formatter.format(record).endswith(f"INFO a: {safe}")
