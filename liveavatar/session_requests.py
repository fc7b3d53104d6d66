"""Sessions as we ask for them, and the words of their settings (LiveAvatar OpenAPI document)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self


class Mode(StrEnum):
    """Who listens and answers: the vendor (FULL) or our own agent (CUSTOM).

    CUSTOM is the word of the vendor's lifecycle documents and ours; on the wire it has been LITE since 2026.
    The two words meet here and nowhere else.
    """

    FULL = "FULL"
    CUSTOM = "CUSTOM"

    def wire_name(self, custom: str = "LITE") -> str:
        """Return the value of `mode` in a request; pass `custom` for a vendor that still says CUSTOM."""
        return custom if self is Mode.CUSTOM else self.value

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return cls("CUSTOM") if value == "LITE" else None


class EndReason(StrEnum):
    """Why a session is over; also sent when we stop one. A reason that the vendor invents later is UNKNOWN."""

    UNKNOWN = "UNKNOWN"
    USER_DISCONNECTED = "USER_DISCONNECTED"
    SERVER_ERROR = "SERVER_ERROR"
    IDLE_TIMEOUT = "IDLE_TIMEOUT"
    NO_CREDITS = "NO_CREDITS"
    USER_CLOSED = "USER_CLOSED"
    AVATAR_DELETED = "AVATAR_DELETED"
    MAX_DURATION_REACHED = "MAX_DURATION_REACHED"
    ZOMBIE_SESSION_REAP = "ZOMBIE_SESSION_REAP"
    AGENT_HANG_UP = "AGENT_HANG_UP"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return cls("UNKNOWN") if isinstance(value, str) else None


class Quality(StrEnum):
    """Height of the video."""

    LOW = "low"  # 360p
    MEDIUM = "medium"  # 480p
    HIGH = "high"  # 720p
    VERY_HIGH = "very_high"  # 1080p


class Encoding(StrEnum):
    """Codec of the video."""

    H264 = "H264"
    VP8 = "VP8"


class Interactivity(StrEnum):
    """Whether the vendor detects the end of the visitor's speech, or a button marks it."""

    CONVERSATIONAL = "CONVERSATIONAL"
    PUSH_TO_TALK = "PUSH_TO_TALK"


@dataclass(frozen=True, slots=True, kw_only=True)
class FullSession:
    """A FULL session to be created. Ids are UUIDs as text, `max_session_duration` is in seconds.

    None leaves the choice to the vendor: the avatar's own voice, the longest duration of the plan. Without a
    context the avatar answers nothing and only speaks the text it is given.
    """

    avatar_id: str
    voice_id: str | None = None
    context_id: str | None = None
    language: str = "en"
    quality: Quality = Quality.HIGH
    encoding: Encoding = Encoding.H264
    interactivity_type: Interactivity = Interactivity.CONVERSATIONAL
    is_sandbox: bool = False
    max_session_duration: int | None = None
    llm_configuration_id: str | None = None
    dynamic_variables: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, object]:
        """Return the JSON of POST /v1/sessions/token, without members that are null.

        `avatar_persona` is always there, even with the language alone: the vendor refuses a FULL session without one.
        `llm_configuration_id` stands at the top level: the vendor silently ignores a nested one.
        """
        persona = {"voice_id": self.voice_id, "context_id": self.context_id, "language": self.language}
        return _without_nulls(
            {
                "mode": Mode.FULL.wire_name(),
                "avatar_id": self.avatar_id,
                "avatar_persona": _without_nulls(persona),
                "interactivity_type": self.interactivity_type.value,
                "is_sandbox": self.is_sandbox,
                "video_settings": {"quality": self.quality.value, "encoding": self.encoding.value},
                "max_session_duration": self.max_session_duration,
                "llm_configuration_id": self.llm_configuration_id,
                "dynamic_variables": dict(self.dynamic_variables) or None,
            }
        )


@dataclass(frozen=True, slots=True)
class OwnRoom:
    """A room of ours for the avatar to join.

    `url` must be reachable for the vendor. `avatar_token` is a LiveKit token with every grant to publish (without the
    data grant the vendor answers the start with 500); its identity is the avatar's in the room.
    """

    url: str
    room: str
    avatar_token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomSession:
    """A CUSTOM session to be created: our own agent speaks through the avatar, over its media websocket.

    Without `own_room` the vendor opens a room. `mode_name` is the wire's word for the mode.
    """

    avatar_id: str
    quality: Quality = Quality.HIGH
    encoding: Encoding = Encoding.H264
    is_sandbox: bool = False
    max_session_duration: int | None = None
    own_room: OwnRoom | None = None
    mode_name: str = "LITE"

    def body(self) -> dict[str, object]:
        """Return the JSON of POST /v1/sessions/token, without members that are null."""
        room = self.own_room
        return _without_nulls(
            {
                "mode": Mode.CUSTOM.wire_name(self.mode_name),
                "avatar_id": self.avatar_id,
                "is_sandbox": self.is_sandbox,
                "video_settings": {"quality": self.quality.value, "encoding": self.encoding.value},
                "max_session_duration": self.max_session_duration,
                "livekit_config": room
                and {
                    "livekit_url": room.url,
                    "livekit_room": room.room,
                    "livekit_client_token": room.avatar_token,
                },
            }
        )


def _without_nulls(members: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}
