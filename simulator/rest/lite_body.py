"""Parse the LITE-only parts of a token request: the customer's own room and the speech connectors."""

from typing import Any

from simulator.rest.fields import Fields
from simulator.session import CallersRoom

OPENAI_VOICES = (
    "alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "shimmer", "sage", "verse", "marin", "cedar",
)  # fmt: skip
GEMINI_MODELS = ("gemini-3.1-flash-live-preview", "gemini-2.5-flash-native-audio-preview-12-2025")


# Not implemented by the simulator. The start refuses them; minting the token does not.
UNSUPPORTED = {
    "agora_config": "Agora channels",
    "elevenlabs_agent_config": "ElevenLabs agents",
    "openai_realtime_config": "OpenAI realtime connectors",
    "gemini_realtime_config": "Gemini realtime connectors",
}


def read_lite(fields: Fields) -> dict[str, Any]:
    """Return the LITE-only members of a `SessionConfig`. Errors are collected in `fields`.

    The names are those of the OpenAPI document. The agent skills' `url` and `token` are refused: no client sends them.
    """
    _check_connectors(fields)
    return {
        "room": _room(fields.inner("livekit_config")),
        "unsupported": next((words for name, words in UNSUPPORTED.items() if name in fields), None),
    }


def _room(livekit: Fields | None) -> CallersRoom | None:
    if livekit is None:
        return None
    return CallersRoom(
        livekit.text("livekit_url"), livekit.text("livekit_room"), livekit.text("livekit_client_token")
    )


def _check_connectors(fields: Fields) -> None:
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
