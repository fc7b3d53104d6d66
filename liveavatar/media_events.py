"""The vendor's events on the media websocket of a CUSTOM session, read from untrusted frames.

Names and members: LiveAvatar docs, lite-mode events. Two families of events say the same, and a vendor may send either
or both: `agent.speak_*` since the beginning, `agent.state_updated` and `agent.audio_buffer_*` in the newest versions.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

LONGEST_WORDS = 300  # characters of an error that are kept

READY = frozenset({"connected"})
# Documents of spring 2026 say closing and closed, the newest page says disconnected.
OVER = frozenset({"closing", "closed", "disconnected"})
TALKING = "talking"


class Signal(Enum):
    """What happened to an utterance. CUT: it was interrupted, and a report of its end may follow."""

    STARTED = "started"
    ENDED = "ended"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class SpeechEvent:
    """The avatar started or ended an utterance. `ids` may hold the utterance's id, `task` is the vendor's id of it.

    Versions differ in where they name the command: documents echo its id as `event_id`, newer servers give every event
    an id of its own and name the command in `source_event_id`, some send only `task.id`.
    """

    signal: Signal
    ids: frozenset[str]
    task: str | None


@dataclass(frozen=True, slots=True)
class SessionState:
    """The session's state, verbatim."""

    state: str

    @property
    def is_ready(self) -> bool:
        return self.state in READY

    @property
    def is_over(self) -> bool:
        return self.state in OVER


@dataclass(frozen=True, slots=True)
class AvatarState:
    """The avatar's state: idle, listening or talking."""

    state: str


@dataclass(frozen=True, slots=True)
class Notice:
    """An `error` or a `warning`: `kind` is its type (`invalid_request_error`, `video_starvation`, ...)."""

    is_error: bool
    kind: str
    words: str


MediaEvent = SpeechEvent | SessionState | AvatarState | Notice

_SPEECH = {
    "agent.speak_started": Signal.STARTED,
    "agent.speak_ended": Signal.ENDED,
    "agent.speak_interrupted": Signal.CUT,
    "agent.audio_buffer_cleared": Signal.CUT,
}
# Versions of 2025 reported speech as the end of idling.
_IDLE = {"agent.idle_ended": TALKING, "agent.idle_started": "idle"}


def parse_frame(frame: str) -> MediaEvent | None:
    """Return the event in a frame. None when there is none, or an unknown one, or a mere acknowledgement."""
    try:
        message = json.loads(frame)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict):
        return None
    kind = message.get("type")
    if not isinstance(kind, str):
        return None
    if kind in _SPEECH:
        ids = frozenset(_text(message, name) for name in ("event_id", "source_event_id")) - {""}
        return SpeechEvent(_SPEECH[kind], ids, _text(_inner(message, "task"), "id") or None)
    if kind in _IDLE:
        return AvatarState(_IDLE[kind])
    match kind:
        case "session.state_updated" if state := _text(message, "state"):
            return SessionState(state)
        case "session.stopped":
            return SessionState("closed")
        case "agent.state_updated" if state := _text(message, "new_state") or _text(message, "state"):
            return AvatarState(state)
        case "error" | "warning":
            detail = _inner(message, kind)
            return Notice(kind == "error", _text(detail, "type"), _text(detail, "message")[:LONGEST_WORDS])
    return None


def _inner(message: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = message.get(name)
    return value if isinstance(value, dict) else {}


def _text(message: Mapping[str, Any], name: str) -> str:
    value = message.get(name)
    return value if isinstance(value, str) else ""
