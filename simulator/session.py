"""The record of one session: its configuration, its state and its transcript."""

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
    """CREATED: has a token only. STARTING and ACTIVE: holds a room and a worker. ENDED: final."""

    CREATED = "created"
    STARTING = "starting"
    ACTIVE = "active"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class CallersRoom:
    """The customer's own LiveKit room and the avatar's token for it (LITE, `livekit_config`)."""

    url: str
    name: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """The parameters of a session, fixed when its token is minted. `speed` multiplies the voice's rate.

    LITE only: `room` is the customer's own room. `unsupported` is the requested transport or connector that the
    simulator does not implement, for the error at start.
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
    """One utterance of the transcript. `at` is the time it was spoken, in milliseconds since 1970."""

    role: Role
    text: str
    at: int


@dataclass(slots=True, eq=False)
class Session:
    """One session. `started_at` is the moment the avatar was in the room, None before that."""

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
        """Change the state, by default as of now."""
        self.state = state
        self.updated_at = at or now()

    def end(self, reason: EndReason, at: datetime | None = None) -> None:
        """Record the end, by default as of now. Later calls change nothing: the first reason stays."""
        if self.state is State.ENDED:
            return
        self.end_reason = reason
        self.move(State.ENDED, at)
        self.end_at = self.updated_at

    @property
    def duration(self) -> int:
        """Whole seconds from its start to its end, or to now while it runs; 0 before its start."""
        if self.started_at is None:
            return 0
        return math.floor(((self.end_at or now()) - self.started_at).total_seconds())

    def since_start(self, line: Line) -> int:
        """Return the milliseconds from the session's start to the line, never below 0."""
        start = self.started_at.timestamp() if self.started_at else time.time()
        return max(0, line.at - round(start * 1000))
