"""The schema of the body of `POST /v1/sessions/token`. `simulator.rest.token_body` parses it."""

from simulator.languages import LANGUAGES
from simulator.rest.lite_body import GEMINI_MODELS, OPENAI_VOICES
from simulator.rest.schema import (
    FLAG,
    NUMBER,
    TEXT,
    UUID,
    WHOLE,
    Schema,
    body,
    described,
    mapping,
    nullable,
    one_of,
)
from simulator.rest.token_body import (
    ENCODINGS,
    INTERACTIVITY,
    LONGEST_VARIABLE,
    LONGEST_VARIABLE_NAME,
    MOST_VARIABLES,
    QUALITIES,
    STT_PROVIDERS,
)


def _between(low: float, high: float, default: float) -> Schema:
    return {**NUMBER, "minimum": low, "maximum": high, "default": default}


COMMON = {
    "avatar_id": UUID,
    "is_sandbox": {**FLAG, "default": False},
    "video_settings": nullable(
        body(
            "VideoSettings",
            quality=one_of(*QUALITIES, default="high"),
            encoding=one_of(*ENCODINGS, default="H264"),
        )
    ),
    "max_session_duration": nullable({**WHOLE, "exclusiveMinimum": 0}),
}
LANGUAGE = one_of(*LANGUAGES, default="en")
SPEED = _between(0.8, 1.2, 1)
VARIABLES: Schema = {
    **mapping({**TEXT, "maxLength": LONGEST_VARIABLE}),
    "maxProperties": MOST_VARIABLES,
    "propertyNames": {"maxLength": LONGEST_VARIABLE_NAME},
}
ELEVENLABS_SETTINGS = body(
    "ElevenLabsVoiceSettings",
    ("provider",),
    provider={"const": "elevenLabs"},
    speed=SPEED,
    stability=_between(0, 1, 0.75),
    similarity_boost=_between(0, 1, 0.75),
    style=_between(0, 1, 0),
    use_speaker_boost={**FLAG, "default": True},
    model=one_of("eleven_flash_v2_5", "eleven_multilingual_v2", default="eleven_flash_v2_5"),
    apply_language_text_normalization={**FLAG, "default": False},
)
FISH_SETTINGS = body(
    "FishVoiceSettings",
    ("provider",),
    provider={"const": "fish"},
    speed=SPEED,
    model=one_of("s1", "s2", default="s2"),
    latency_mode=one_of("normal", "balanced", default="balanced"),
)
PERSONA = body(
    "AvatarPersona",
    voice_id=nullable(UUID),
    context_id=nullable(UUID),
    language=LANGUAGE,
    voice_settings=nullable({"oneOf": [ELEVENLABS_SETTINGS, FISH_SETTINGS]}),
    stt_config=nullable(body("SttConfig", provider=one_of(*STT_PROVIDERS))),
)
FULL = body(
    "FullSession",
    ("mode", "avatar_id"),
    mode={"const": "FULL"},
    **COMMON,
    avatar_persona=nullable(PERSONA),
    voice_agent=nullable(
        body("VoiceAgentNamed", ("id",), id=UUID, language=LANGUAGE, dynamic_variables=VARIABLES)
    ),
    interactivity_type=one_of(*INTERACTIVITY, default="CONVERSATIONAL"),
    llm_configuration_id=nullable(UUID),
    dynamic_variables=nullable(VARIABLES),
    memory=nullable(body("MemoryNamed", prev_session_id=nullable(UUID), session_memory_id=nullable(UUID))),
)
LIVEKIT = ("livekit_url", "livekit_room", "livekit_client_token")
AGORA = ("agora_app_id", "agora_token", "agora_channel", "agora_uid")
LITE = body(
    "LiteSession",
    ("mode", "avatar_id"),
    mode=described(one_of("LITE", "CUSTOM"), "CUSTOM is the old name of LITE"),
    **COMMON,
    livekit_config=nullable(body("LivekitConfig", LIVEKIT, **dict.fromkeys(LIVEKIT, TEXT))),
    agora_config=nullable(body("AgoraConfig", AGORA, **dict.fromkeys(AGORA, TEXT))),
    elevenlabs_agent_config=nullable(
        body(
            "ElevenLabsAgentConfig",
            ("secret_id", "agent_id"),
            secret_id=UUID,
            agent_id=TEXT,
            voice_id=nullable(TEXT),
            dynamic_variables=nullable(mapping({"type": ["string", "number", "boolean"]})),
        )
    ),
    openai_realtime_config=nullable(
        body(
            "OpenAiRealtimeConfig",
            ("secret_id",),
            secret_id=UUID,
            context_id=nullable(UUID),
            voice=one_of(*OPENAI_VOICES, default="alloy"),
            temperature=_between(0.6, 1.2, 0.8),
            model=nullable(TEXT),
        )
    ),
    gemini_realtime_config=nullable(
        body(
            "GeminiRealtimeConfig",
            ("secret_id",),
            secret_id=UUID,
            context_id=nullable(UUID),
            voice=nullable(TEXT),
            temperature=_between(0, 2, 0.8),
            model=one_of(*GEMINI_MODELS, default=GEMINI_MODELS[0]),
        )
    ),
)
TOKEN_REQUEST: Schema = {"oneOf": [FULL, LITE]}
