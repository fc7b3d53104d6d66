"""The body of `POST /v1/sessions/token`: accepted and refused ones."""

from typing import Any

import pytest

from simulator.refusals import Refusal
from simulator.rest.token_body import parse_token_body
from simulator.session import CallersRoom, SessionConfig

AVATAR = "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a"
VOICE = "c2527536-6d1f-4412-a643-53a3497dada9"
CONTEXT = "5b9dba8a-aa31-11f0-a6ee-066a7fa2e369"
FULL = {"mode": "FULL", "avatar_id": AVATAR, "avatar_persona": {}}
LITE = {"mode": "LITE", "avatar_id": AVATAR}


def full(**fields: Any) -> dict[str, Any]:
    return {**FULL, **fields}


def persona(**fields: Any) -> dict[str, Any]:
    return {**FULL, "avatar_persona": fields}


def lite(**fields: Any) -> dict[str, Any]:
    return {**LITE, **fields}


@pytest.mark.parametrize(
    ("body", "config"),
    [
        pytest.param(
            {
                "mode": "FULL",
                "avatar_id": AVATAR,
                "avatar_persona": {"voice_id": VOICE, "context_id": CONTEXT, "language": "en"},
                "interactivity_type": "PUSH_TO_TALK",
                "is_sandbox": True,
            },
            SessionConfig(
                "FULL",
                AVATAR,
                is_sandbox=True,
                voice_id=VOICE,
                context_id=CONTEXT,
                interactivity_type="PUSH_TO_TALK",
            ),
            id="web SDK demo, FULL",
        ),
        pytest.param(
            {"mode": "LITE", "avatar_id": AVATAR, "is_sandbox": True},
            SessionConfig("LITE", AVATAR, is_sandbox=True),
            id="web SDK demo, LITE",
        ),
        pytest.param(
            {
                "mode": "LITE",
                "avatar_id": AVATAR,
                "is_sandbox": False,
                "video_settings": {"quality": "very_high", "encoding": "VP8"},
                "max_session_duration": 600,
                "livekit_config": {
                    "livekit_url": "wss://a",
                    "livekit_room": "b",
                    "livekit_client_token": "c",
                },
            },
            SessionConfig(
                "LITE",
                AVATAR,
                quality="very_high",
                encoding="VP8",
                max_session_duration=600,
                room=CallersRoom("wss://a", "b", "c"),
            ),
            id="livekit starter",
        ),
        pytest.param(
            lite(mode="CUSTOM", video_quality="low", is_sandbox=False),
            SessionConfig("LITE", AVATAR, quality="low"),
            id="livekit-plugins-liveavatar 1.3.6",
        ),
        pytest.param(
            lite(video_quality="low", video_settings={"quality": "medium"}),
            SessionConfig("LITE", AVATAR, quality="medium"),
            id="the documented quality has precedence",
        ),
        pytest.param(
            lite(avatar_persona=None, livekit_config=None, max_session_duration=None),
            SessionConfig("LITE", AVATAR),
            id="pipecat",
        ),
        pytest.param(
            lite(elevenlabs_agent_config={"secret_id": VOICE, "agent_id": "a"}),
            SessionConfig("LITE", AVATAR, unsupported="ElevenLabs agents"),
            id="a connector",
        ),
        pytest.param(
            lite(avatar_persona={"voice_id": 7}, video_quality="odd"),
            SessionConfig("LITE", AVATAR),
            id="FULL-only fields are ignored in LITE",
        ),
        pytest.param(
            full(
                avatar_persona={
                    "voice_id": None,
                    "context_id": None,
                    "voice_settings": None,
                    "stt_config": {},
                }
            ),
            SessionConfig("FULL", AVATAR),
            id="null means absent",
        ),
        pytest.param(
            full(avatar_persona=None, voice_agent={"id": VOICE, "language": "de"}),
            SessionConfig("FULL", AVATAR, voice_agent_id=VOICE, language="de"),
            id="voice agent",
        ),
        pytest.param(
            full(avatar_id=AVATAR.upper(), llm_configuration_id=CONTEXT, dynamic_variables={"a": "b"}),
            SessionConfig("FULL", AVATAR, llm_configuration_id=CONTEXT, dynamic_variables={"a": "b"}),
            id="ids of any version and case",
        ),
        pytest.param(
            persona(voice_settings={"provider": "fish", "speed": 0.8, "model": "s1"}),
            SessionConfig("FULL", AVATAR, speed=0.8),
            id="speed",
        ),
    ],
)
def test_bodies_of_known_clients_are_accepted(body: dict[str, Any], config: SessionConfig) -> None:
    assert parse_token_body(body) == config


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (None, "body: Input should be a valid dictionary"),
        ([], "body: Input should be a valid dictionary"),
        ({"avatar_id": AVATAR}, "body: Unable to extract tag using discriminator 'mode'"),
        (full(mode="lite"), "body: Input tag 'lite' found using 'mode' does not match"),
        (full(mode="full"), "body: Input tag 'full' found using 'mode' does not match"),
        (full(mode=["FULL"]), "does not match any of the expected tags"),
        ({"mode": "LITE"}, "body.avatar_id: Field required"),
        (full(avatar_id="wayne"), "body.avatar_id: Input should be a valid UUID"),
        (full(avatar_id=12), "body.avatar_id: Input should be a valid UUID"),
        ({"mode": "FULL", "avatar_id": AVATAR}, "Provide exactly one of avatar_persona or voice_agent"),
        (full(voice_agent={"id": VOICE}), "Provide exactly one of avatar_persona or voice_agent"),
        (full(avatar_persona="Ava"), "body.avatar_persona: Input should be a valid dictionary"),
        (full(avatar_persona=None, voice_agent={}), "body.voice_agent.id: Field required"),
        (full(is_sandbox="yes"), "body.is_sandbox: Input should be a valid boolean"),
        (full(is_sandbox=None), "body.is_sandbox: Input should be a valid boolean"),
        (full(max_session_duration=0), "body.max_session_duration: Input should be greater than 0"),
        (full(max_session_duration=1.5), "body.max_session_duration: Input should be a valid integer"),
        (full(max_session_duration=True), "body.max_session_duration: Input should be a valid integer"),
        (
            full(video_settings={"quality": "4k"}),
            "body.video_settings.quality: Input should be 'very_high', 'high'",
        ),
        (
            full(video_settings={"encoding": "vp8"}),
            "body.video_settings.encoding: Input should be 'H264' or 'VP8'",
        ),
        (full(interactivity_type="CHAT"), "body.interactivity_type: Input should be 'CONVERSATIONAL' or"),
        (full(llm_configuration_id="gpt"), "body.llm_configuration_id: Input should be a valid UUID"),
        (full(memory={"prev_session_id": 1}), "body.memory.prev_session_id: Input should be a valid UUID"),
        (persona(voice_id="x"), "body.avatar_persona.voice_id: Input should be a valid UUID"),
        (persona(language="tlh"), "body.avatar_persona.language: Input should be 'en'"),
        (persona(language=["en"]), "body.avatar_persona.language: Input should be 'en'"),
        (
            persona(stt_config={"provider": "whisper"}),
            "body.avatar_persona.stt_config.provider: Input should be",
        ),
        (persona(voice_settings={"speed": 1}), "Unable to extract tag using discriminator 'provider'"),
        (
            persona(voice_settings={"provider": "elevenLabs", "speed": 1.3}),
            "body.avatar_persona.voice_settings.speed: Input should be greater than or equal to 0.8",
        ),
        (
            persona(voice_settings={"provider": "elevenLabs", "stability": float("nan")}),
            "body.avatar_persona.voice_settings.stability: Input should be greater than or equal to 0",
        ),
        (
            persona(voice_settings={"provider": "fish", "latency_mode": "low"}),
            "body.avatar_persona.voice_settings.latency_mode: Input should be 'normal' or 'balanced'",
        ),
        (full(dynamic_variables=["a"]), "body.dynamic_variables: Input should be a valid dictionary"),
        (full(dynamic_variables={"a": 1}), "body.dynamic_variables.a: Input should be a valid string"),
        (full(dynamic_variables={"a" * 65: ""}), "String should have at most 64 characters"),
        (full(dynamic_variables={"a": "b" * 1001}), "String should have at most 1000 characters"),
        (
            full(dynamic_variables={str(number): "" for number in range(51)}),
            "body.dynamic_variables: Dictionary should have at most 50 items",
        ),
        (
            lite(livekit_config={"url": "wss://a", "token": "b"}),
            "body.livekit_config.livekit_url: Field required",
        ),
        (lite(agora_config={"agora_app_id": "a"}), "body.agora_config.agora_token: Field required"),
        (
            lite(elevenlabs_agent_config={"agent_id": "a"}),
            "body.elevenlabs_agent_config.secret_id: Field required",
        ),
        (
            lite(openai_realtime_config={"secret_id": VOICE, "temperature": 2}),
            "body.openai_realtime_config.temperature: Input should be greater than or equal to 0.6",
        ),
        (
            lite(gemini_realtime_config={"secret_id": VOICE, "model": "gemini-1"}),
            "body.gemini_realtime_config.model: Input should be",
        ),
    ],
)
def test_an_invalid_field_is_named(body: Any, problem: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse_token_body(body)

    assert (refused.value.status, refused.value.code) == (422, 4000)
    assert any(problem in str(found) for found in refused.value.problems), refused.value.problems


def test_strict_modes_refuse_the_old_name_of_lite() -> None:
    with pytest.raises(Refusal, match="Input tag 'CUSTOM' found using 'mode'"):
        parse_token_body(lite(mode="CUSTOM"), strict_modes=True)


def test_all_errors_of_a_body_are_named_together() -> None:
    with pytest.raises(Refusal) as refused:
        parse_token_body(full(avatar_id="x", is_sandbox=1, avatar_persona={"voice_id": "y"}))

    assert len(refused.value.problems) == 3


def test_limits_of_dynamic_variables_are_inclusive() -> None:
    variables = {f"{number:064}": "v" * 1000 for number in range(50)}

    assert parse_token_body(full(dynamic_variables=variables)).dynamic_variables == variables
