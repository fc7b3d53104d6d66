"""The event faults: change events on their way to the client.

Handles events of the data channel (key `event_type`) and of the media websocket (key `type`).
"""

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from simulator.avatar.faults import Faults

Event = Mapping[str, Any]

# Sent before an event by the `malformed` fault.
MALFORMED = (
    "{",
    "null",
    '["avatar.speak_started"]',
    '"avatar.speak_started"',
    "{}",
    '{"event_type": 7, "type": 7}',
)
# Events that the `reordered` fault delays by one. A later event always follows each of these.
OVERTAKEN = (".speak_started", ".transcription", ".chunk", "_appended", "_committed")
# Events that only newer clients know: web SDK 0.0.11 and livekit-plugins-liveavatar 1.8.9.
NEWER = (
    ".chunk",
    "agent.state_updated",
    "agent.audio_buffer_",
    "agent.speak_interrupted",
    "warning",
    "error",
)
# Envelope members that the first documentation does not have.
NEWER_MEMBERS = ("event_id", "source_event_id")


class Distortion:
    """Applies `faults.events` and `faults.vocabulary`, as they are at the moment, to the events of one session."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._held: Event | None = None
        self._count = 0

    def packets(self, event: Event) -> list[str]:
        """Return the texts to send in place of `event`, in order. All are JSON but those of the `malformed` fault."""
        spoken = event if self._faults.vocabulary == "new" else in_old_words(event)
        if spoken is None:
            return []
        text = json.dumps(spoken)
        match self._faults.events:
            case "duplicated":
                return [text, text]
            case "reordered":
                return [json.dumps(each) for each in self._overtaking(spoken)]
            case "unknown":
                return [json.dumps(_unheard_of(spoken)), text]
            case "malformed":
                self._count += 1
                return [MALFORMED[self._count % len(MALFORMED)], text]
        return [*self._late(), text]

    def _overtaking(self, event: Event) -> list[Event]:
        if self._held is None and _kind(event).endswith(OVERTAKEN):
            self._held = event
            return []
        held, self._held = self._held, None
        return [event] if held is None else [event, held]

    def _late(self) -> list[str]:
        held, self._held = self._held, None
        return [] if held is None else [json.dumps(held)]


def in_old_words(event: Event) -> Event | None:
    """Return the event as the service sent it in its first year; None if it did not exist then.

    Source: LiveAvatar docs of 2025, custom-mode-events and full-mode-events.
    """
    kind = _kind(event)
    if kind.endswith(NEWER) or kind.startswith(NEWER):
        return None
    if "type" not in event:
        return {name: value for name, value in event.items() if name not in NEWER_MEMBERS}
    # On the media websocket an event had only one id: that of its command.
    old = {name: value for name, value in event.items() if name != "source_event_id"}
    if event.get("source_event_id"):
        old["event_id"] = event["source_event_id"]
    if old.get("state") == "disconnected":
        old["state"] = "closed"
    return old


def _unheard_of(event: Event) -> Event:
    key = "type" if "type" in event else "event_type"
    return {**event, key: "avatar.mood_changed", "event_id": str(uuid4()), "mood": "curious"}


def _kind(event: Event) -> str:
    return str(event.get("type", event.get("event_type", "")))
