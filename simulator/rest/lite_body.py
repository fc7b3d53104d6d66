"""The parts of a token request only LITE sessions have: whose room it is, or which speech agent is connected."""

from simulator.rest.fields import Fields

OPENAI_VOICES = (
    "alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "shimmer", "sage", "verse", "marin", "cedar",
)  # fmt: skip
GEMINI_MODELS = ("gemini-3.1-flash-live-preview", "gemini-2.5-flash-native-audio-preview-12-2025")


def read_lite(fields: Fields) -> None:
    """Note everything wrong with the transport and connector blocks (LiveAvatar OpenAPI)."""
    if livekit := fields.inner("livekit_config"):
        for name in ("livekit_url", "livekit_room", "livekit_client_token"):
            livekit.text(name)
    if agora := fields.inner("agora_config"):
        for name in ("agora_app_id", "agora_token", "agora_channel", "agora_uid"):
            agora.text(name)
    if elevenlabs := fields.inner("elevenlabs_agent_config"):
        elevenlabs.uuid("secret_id")
        elevenlabs.text("agent_id")
        elevenlabs.optional_text("voice_id")
        _check_scalars(elevenlabs, "dynamic_variables")
    if openai := fields.inner("openai_realtime_config"):
        _check_realtime(openai)
        openai.choice("voice", OPENAI_VOICES, "alloy")
        openai.number("temperature", 0.6, 1.2, 0.8)
    if gemini := fields.inner("gemini_realtime_config"):
        _check_realtime(gemini)
        gemini.optional_text("voice")
        gemini.number("temperature", 0, 2, 0.8)
        gemini.choice("model", GEMINI_MODELS, GEMINI_MODELS[0])


def _check_realtime(fields: Fields) -> None:
    fields.uuid("secret_id")
    fields.optional_uuid("context_id")
    fields.optional_text("model")


def _check_scalars(fields: Fields, name: str) -> None:
    given = fields.get(name)
    if given is not None and not (
        isinstance(given, dict)
        and all(isinstance(value, str | int | float | bool) for value in given.values())
    ):
        fields.problem("Input should be a dictionary of strings, numbers and booleans", name)
