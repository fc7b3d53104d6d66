"""What the service says on the media websocket of a CUSTOM session, read from untrusted frames.

Names and members: LiveAvatar docs, lite-mode events. Two families say the same things, and a service may send
either or both: `agent.speak_*` of all times, `agent.state_updated` and `agent.audio_buffer_*` of the newest.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

LONGEST_WORDS = 300  # characters of an error that are kept

READY = frozenset({"connected"})
# Spring 2026 said closing and closed, the newest page says disconnected.
OVER = frozenset({"closing", "closed", "disconnected"})
TALKING = "talking"


class Signal(Enum):
    """What became of an utterance. CUT: it was interrupted, and its end may be told once more."""

    STARTED = "started"
    ENDED = "ended"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class Speech:
    """`ids` are all the ids that may be the utterance's own, `task` is the service's name for it.

    Which of the event's ids is the command's differs: documents echo it as `event_id`, newer servers give
    every event an id of its own and name the command in `source_event_id`, some name only `task.id`.
    """

    signal: Signal
    ids: frozenset[str]
    task: str | None


@dataclass(frozen=True, slots=True)
class Condition:
    """The session's state, verbatim."""

    state: str

    @property
    def is_ready(self) -> bool:
        return self.state in READY

    @property
    def is_over(self) -> bool:
        return self.state in OVER


@dataclass(frozen=True, slots=True)
class Pose:
    """What the avatar does now: idle, listening or talking."""

    state: str


@dataclass(frozen=True, slots=True)
class Notice:
    """An `error` or a `warning`: `kind` is its type (`invalid_request_error`, `video_starvation`, ...)."""

    is_error: bool
    kind: str
    words: str


MediaEvent = Speech | Condition | Pose | Notice

_SPEECH = {
    "agent.speak_started": Signal.STARTED,
    "agent.speak_ended": Signal.ENDED,
    "agent.speak_interrupted": Signal.CUT,
    "agent.audio_buffer_cleared": Signal.CUT,
}
# Builds of 2025 told of speech by what the avatar no longer did.
_IDLE = {"agent.idle_ended": TALKING, "agent.idle_started": "idle"}


def parse_frame(frame: str) -> MediaEvent | None:
    """None for what is no event, is unknown, or only acknowledges."""
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
        return Speech(_SPEECH[kind], ids, _text(_inner(message, "task"), "id") or None)
    if kind in _IDLE:
        return Pose(_IDLE[kind])
    match kind:
        case "session.state_updated" if state := _text(message, "state"):
            return Condition(state)
        case "session.stopped":
            return Condition("closed")
        case "agent.state_updated" if state := _text(message, "new_state") or _text(message, "state"):
            return Pose(state)
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
