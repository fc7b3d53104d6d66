"""Parse the body of `POST /v1/sessions/token` (LiveAvatar OpenAPI, create session token)."""

from typing import Any

from simulator.languages import LANGUAGES
from simulator.rest.fields import Fields
from simulator.rest.lite_body import read_lite
from simulator.session import SessionConfig

QUALITIES = ("very_high", "high", "medium", "low")
ENCODINGS = ("H264", "VP8")
INTERACTIVITY = ("CONVERSATIONAL", "PUSH_TO_TALK")
STT_PROVIDERS = ("deepgram", "assembly_ai", "gladia", "elevenlabs")
MOST_VARIABLES, LONGEST_VARIABLE_NAME, LONGEST_VARIABLE = 50, 64, 1000


def parse_token_body(body: object, *, strict_modes: bool = False) -> SessionConfig:
    """Return the session's parameters. Raises Refusal (422) that lists all errors of the body.

    `strict_modes` refuses CUSTOM, the name of LITE until 2026. livekit-plugins-liveavatar up to 1.4.1 and pipecat up
    to 0.0.98 send it. It is not known whether the real service still accepts it.
    """
    fields = Fields(body)
    fields.check()
    config = _full(fields) if _mode(fields, strict_modes) == "FULL" else _lite(fields)
    fields.check()
    return config


def _mode(fields: Fields, strict: bool) -> str:
    mode = fields.get("mode")
    if mode == "CUSTOM" and not strict:
        return "LITE"
    if mode is None:
        fields.problem("Unable to extract tag using discriminator 'mode'")
    elif mode not in ("FULL", "LITE"):
        fields.problem(
            f"Input tag '{mode}' found using 'mode' does not match any of the expected tags: 'FULL', 'LITE'"
        )
    fields.check()
    return str(mode)


def _full(fields: Fields) -> SessionConfig:
    if ("avatar_persona" in fields) == ("voice_agent" in fields):
        fields.problem("Value error, Provide exactly one of avatar_persona or voice_agent")
    persona = fields.inner("avatar_persona") or Fields({}, problems=fields.problems)
    agent = fields.inner("voice_agent")
    memory = fields.inner("memory") or Fields({}, problems=fields.problems)
    _check_stt(persona.inner("stt_config"))
    spoken = agent or persona
    return SessionConfig(
        mode="FULL",
        voice_id=persona.optional_uuid("voice_id"),
        context_id=persona.optional_uuid("context_id"),
        voice_agent_id=agent.uuid("id") if agent else None,
        language=_language(spoken),
        speed=_speed(persona.inner("voice_settings")),
        interactivity_type=fields.choice("interactivity_type", INTERACTIVITY, "CONVERSATIONAL"),
        llm_configuration_id=fields.optional_uuid("llm_configuration_id"),
        prev_session_id=memory.optional_uuid("prev_session_id"),
        session_memory_id=memory.optional_uuid("session_memory_id"),
        dynamic_variables={**_variables(fields), **(_variables(agent) if agent else {})},
        **_common(fields),
    )


def _lite(fields: Fields) -> SessionConfig:
    return SessionConfig(mode="LITE", **_common(fields), **read_lite(fields))


def _common(fields: Fields) -> dict[str, Any]:
    video = fields.inner("video_settings") or Fields({}, problems=fields.problems)
    return {
        "avatar_id": fields.uuid("avatar_id"),
        "is_sandbox": fields.flag("is_sandbox"),
        "quality": video.choice("quality", QUALITIES, _loose_quality(fields)),
        "encoding": video.choice("encoding", ENCODINGS, "H264"),
        "max_session_duration": fields.optional_count("max_session_duration"),
    }


def _loose_quality(fields: Fields) -> str:
    """Return `video_quality`: livekit-plugins-liveavatar 1.8.9 sends it; the OpenAPI document does not name it."""
    quality = fields.get("video_quality")
    return quality if quality in QUALITIES else "high"


def _language(fields: Fields) -> str:
    """Accept only the codes of `GET /v1/languages`. It is not known how the real service treats other codes."""
    if "language" not in fields:
        return "en"
    return fields.choice("language", LANGUAGES, "en")


def _speed(settings: Fields | None) -> float:
    """Check all voice settings and return the speed. The simulator ignores the others."""
    if settings is None:
        return 1.0
    provider = settings.get("provider")
    if provider == "elevenLabs":
        for name, default in (("stability", 0.75), ("similarity_boost", 0.75), ("style", 0.0)):
            settings.number(name, 0, 1, default)
        settings.flag("use_speaker_boost", default=True)
        settings.flag("apply_language_text_normalization")
        settings.choice("model", ("eleven_flash_v2_5", "eleven_multilingual_v2"), "eleven_flash_v2_5")
    elif provider == "fish":
        settings.choice("model", ("s1", "s2"), "s2")
        settings.choice("latency_mode", ("normal", "balanced"), "balanced")
    else:
        settings.problem("Unable to extract tag using discriminator 'provider'")
    return settings.number("speed", 0.8, 1.2, 1.0)


def _check_stt(config: Fields | None) -> None:
    if config is not None and "provider" in config:
        config.choice("provider", STT_PROVIDERS, "deepgram")


def _variables(fields: Fields) -> dict[str, str]:
    """Return the values for the `${name}` variables of a context's texts."""
    given = fields.get("dynamic_variables")
    if given is None:
        return {}
    if not isinstance(given, dict):
        fields.problem("Input should be a valid dictionary", "dynamic_variables")
        return {}
    if len(given) > MOST_VARIABLES:
        fields.problem(f"Dictionary should have at most {MOST_VARIABLES} items", "dynamic_variables")
    for name, value in given.items():
        where = f"dynamic_variables.{name[:LONGEST_VARIABLE_NAME]}"
        if len(name) > LONGEST_VARIABLE_NAME:
            fields.problem(f"String should have at most {LONGEST_VARIABLE_NAME} characters", where)
        if not isinstance(value, str):
            fields.problem("Input should be a valid string", where)
        elif len(value) > LONGEST_VARIABLE:
            fields.problem(f"String should have at most {LONGEST_VARIABLE} characters", where)
    return given
