"""Commands of the media websocket, parsed from untrusted text frames.

Names and members: LiveAvatar docs, lite-mode events. `event_id` is optional, because clients differ: livekit-starter
sends none, livekit-plugins-liveavatar 1.8.9 a new one with every chunk, pipecat 1.14 null.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SPEAK, SPEAK_END, INTERRUPT = "agent.speak", "agent.speak_end", "agent.interrupt"
START_LISTENING, STOP_LISTENING = "agent.start_listening", "agent.stop_listening"
KEEP_ALIVE = "session.keep_alive"

LONGEST_TYPE = 64
LONGEST_ID = 128
GREATEST_ID = 2**53  # the greatest integer that every JSON parser returns exactly

EventId = str | int


class InvalidCommand(Exception):
    """The frame is no command; the text tells its sender what is wrong."""

    def __init__(self, why: str, event_id: EventId | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.event_id = event_id


@dataclass(frozen=True, slots=True)
class LiteCommand:
    """`type` may be unknown. `event_id` is the sender's id or None. `audio` is PCM."""

    type: str
    event_id: EventId | None = None
    audio: bytes = field(default=b"", repr=False)


def parse_frame(frame: str) -> LiteCommand:
    """Parse a frame. Raises `InvalidCommand`."""
    try:
        message = json.loads(frame)
    except (ValueError, RecursionError):
        raise InvalidCommand("The frame is not JSON") from None
    if not isinstance(message, dict):
        raise InvalidCommand("The frame is not a JSON object")
    kind, event_id = message.get("type"), _event_id(message.get("event_id"))
    if not isinstance(kind, str) or not kind:
        raise InvalidCommand("'type' is missing or not a text", event_id)
    return LiteCommand(kind[:LONGEST_TYPE], event_id, _audio(kind, message, event_id))


def _event_id(value: object) -> EventId | None:
    """Return an id that an event can repeat; None for any other value."""
    if isinstance(value, str) and 0 < len(value) <= LONGEST_ID:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= GREATEST_ID:
        return value
    return None


def _audio(kind: str, message: Mapping[str, Any], event_id: EventId | None) -> bytes:
    audio = message.get("audio")
    if kind not in (SPEAK, SPEAK_END) or (kind == SPEAK_END and audio is None):
        return b""
    if not isinstance(audio, str):
        raise InvalidCommand("'audio' is missing or not a text", event_id)
    try:
        return base64.b64decode(audio, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidCommand(f"'audio' is not base64: {error}", event_id) from None
