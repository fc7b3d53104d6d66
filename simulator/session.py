"""One session as the API tells of it: what was asked for, what happened, what was said."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal
from uuid import uuid4

from simulator.world import now

Mode = Literal["FULL", "LITE"]
Role = Literal["user", "avatar"]


class EndReason(StrEnum):
    """Why a session ended (LiveAvatar OpenAPI, stop request and session list)."""

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


class State(StrEnum):
    """CREATED: a token is out. STARTING, ACTIVE: it holds a room and a worker. ENDED: for good."""

    CREATED = "created"
    STARTING = "starting"
    ACTIVE = "active"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class CallersRoom:
    """A LiveKit room the avatar is to join instead of one of ours, and its token for it (LITE, livekit_config)."""

    url: str
    name: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """What a token was minted for; fixed from then on. `speed` multiplies the voice's rate.

    LITE only: `room` is the caller's; `unsupported` names what was asked for beyond rooms, an Agora channel or a
    connector.
    """

    mode: Mode
    avatar_id: str
    is_sandbox: bool = False
    quality: str = "high"
    encoding: str = "H264"
    max_session_duration: int | None = None
    voice_id: str | None = None
    context_id: str | None = None
    voice_agent_id: str | None = None
    language: str = "en"
    speed: float = 1.0
    interactivity_type: str = "CONVERSATIONAL"
    llm_configuration_id: str | None = None
    prev_session_id: str | None = None
    session_memory_id: str | None = None
    dynamic_variables: Mapping[str, str] = field(default_factory=dict)
    room: CallersRoom | None = None
    unsupported: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One utterance. `at` is milliseconds since 1970, when it was spoken."""

    role: Role
    text: str
    at: int


@dataclass(slots=True, eq=False)
class Session:
    config: SessionConfig
    id: str = field(default_factory=lambda: str(uuid4()))
    state: State = State.CREATED
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)
    started_at: datetime | None = None
    end_at: datetime | None = None
    end_reason: EndReason | None = None
    credits_consumed: Decimal = Decimal(0)
    transcript: list[Line] = field(default_factory=list)

    def move(self, state: State, at: datetime | None = None) -> None:
        self.state = state
        self.updated_at = at or now()

    def end(self, reason: EndReason, at: datetime | None = None) -> None:
        """Record the end, by default as of now; the first reason stays."""
        if self.state is State.ENDED:
            return
        self.end_reason = reason
        self.move(State.ENDED, at)
        self.end_at = self.updated_at

    @property
    def duration(self) -> int:
        """Whole seconds between its start and its end, or now."""
        if self.started_at is None:
            return 0
        return math.floor(((self.end_at or now()) - self.started_at).total_seconds())

    def since_start(self, line: Line) -> int:
        """Milliseconds from the session's start to the line, never negative."""
        start = self.started_at.timestamp() if self.started_at else time.time()
        return max(0, line.at - round(start * 1000))
