"""Sessions on their way into being: what is asked for, and what comes back (LiveAvatar OpenAPI document)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from liveavatar.credentials import fits_a_header
from liveavatar.fields import Fields


class Mode(StrEnum):
    """Who does the talking: the service (FULL) or our own agent (CUSTOM).

    CUSTOM is the word of the service's lifecycle documents and ours; on the wire it has been LITE since 2026.
    The two words meet here and nowhere else.
    """

    FULL = "FULL"
    CUSTOM = "CUSTOM"

    def wire_name(self, custom: str = "LITE") -> str:
        """The value of `mode` in a request; `custom` is for a service that still says CUSTOM."""
        return custom if self is Mode.CUSTOM else self.value

    @classmethod
    def read(cls, wire_name: str | None) -> Self | None:
        return {"FULL": cls.FULL, "LITE": cls.CUSTOM, "CUSTOM": cls.CUSTOM}.get(wire_name or "")


class EndReason(StrEnum):
    """Why a session is over; also sent when we stop one."""

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
    def read(cls, word: str | None) -> Self | None:
        """None stays None; a reason the service invents later is UNKNOWN to us."""
        if word is None:
            return None
        try:
            return cls(word)
        except ValueError:
            return cls.UNKNOWN


class Quality(StrEnum):
    """Height of the video."""

    LOW = "low"  # 360p
    MEDIUM = "medium"  # 480p
    HIGH = "high"  # 720p
    VERY_HIGH = "very_high"  # 1080p


class Encoding(StrEnum):
    H264 = "H264"
    VP8 = "VP8"


class Interactivity(StrEnum):
    """Whether the service finds the ends of what the user says, or a button marks them."""

    CONVERSATIONAL = "CONVERSATIONAL"
    PUSH_TO_TALK = "PUSH_TO_TALK"


@dataclass(frozen=True, slots=True, kw_only=True)
class FullSession:
    """A FULL session to be created. Ids are UUIDs as text, `max_session_duration` is in seconds.

    None leaves the choice to the service: the avatar's own voice, the longest duration of the plan. Without a
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
        """The JSON of POST /v1/sessions/token; members that are null are left out.

        `avatar_persona` is always there, even with the language alone: a FULL session without one is refused.
        `llm_configuration_id` stands at the top level: a nested one is ignored without a word.
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
    """A room of ours for the avatar to join: `avatar_token` is its LiveKit token, with every right to publish.

    `url` must be reachable from the service. The token's identity is the avatar's in the room.
    """

    url: str
    room: str
    avatar_token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomSession:
    """A CUSTOM session to be created: our own agent speaks through the avatar, over its media websocket.

    Without `own_room` the service opens one. `mode_name` is the wire's word for the mode.
    """

    avatar_id: str
    quality: Quality = Quality.HIGH
    encoding: Encoding = Encoding.H264
    is_sandbox: bool = False
    max_session_duration: int | None = None
    own_room: OwnRoom | None = None
    mode_name: str = "LITE"

    def body(self) -> dict[str, object]:
        """The JSON of POST /v1/sessions/token; members that are null are left out."""
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


@dataclass(frozen=True, slots=True)
class SessionToken:
    """A created session, not yet running and not yet billed, and the token that starts it."""

    session_id: str
    session_token: str = field(repr=False)

    @classmethod
    def read(cls, fields: Fields) -> Self:
        if not fits_a_header(fields.text("session_token")):
            raise fields.garbled("the answer has a session_token that no header can carry")
        return cls(fields.text("session_id"), fields.text("session_token"))


@dataclass(frozen=True, slots=True)
class StartedSession:
    """A running, billed session and the way into its room; only the client token may reach a browser.

    `max_session_duration` is in seconds. `livekit_agent_token` and `ws_url`, which holds secrets too, are
    None in FULL sessions; the other LiveKit members are None in CUSTOM sessions in a room of ours.
    """

    session_id: str
    livekit_url: str | None = None
    livekit_client_token: str | None = field(default=None, repr=False)
    livekit_agent_token: str | None = field(default=None, repr=False)
    ws_url: str | None = field(default=None, repr=False)
    max_session_duration: int | None = None

    @classmethod
    def read(cls, fields: Fields) -> Self:
        ws_url = fields.text_or_none("ws_url")
        # Without a socket there must be a room, or there is no way into the session at all.
        read = fields.text if ws_url is None else fields.text_or_none
        return cls(
            session_id=fields.text("session_id"),
            livekit_url=read("livekit_url"),
            livekit_client_token=read("livekit_client_token"),
            livekit_agent_token=fields.text_or_none("livekit_agent_token"),
            ws_url=ws_url,
            max_session_duration=fields.integer_or_none("max_session_duration"),
        )


def _without_nulls(members: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}
