"""Events on their way to the site: numbered, and kept until the site says that they are stored."""

import json
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

# The site takes 50 events and 65,536 bytes a frame, 16,384 characters of JSON an event (docs/protocol.md).
BATCH = 25  # events in one frame
LONGEST_FRAME = 60_000  # characters of JSON of all its events
LONGEST_TEXT = 15_000  # characters of JSON of one text


class Outbox:
    """One per connection's source. Never drops: an agent says a few things a second."""

    def __init__(self) -> None:
        self._events: deque[tuple[int, str]] = deque()  # its number, and the event as JSON
        self._last = 0
        self._sent = 0

    def __len__(self) -> int:
        return len(self._events)

    def put(self, kind: str, payload: Mapping[str, Any], direction: str = "in") -> None:
        """Number an event; `kind` and `payload` as in FULL mode (docs/protocol.md). Long texts are cut."""
        self._last += 1
        event = {
            "seq": self._last,
            "type": kind,
            "direction": direction,
            "at": time.time_ns() // 1_000_000,
            "payload": {
                name: _shortened(value) if isinstance(value, str) else value
                for name, value in payload.items()
            },
        }
        self._events.append((self._last, json.dumps(event)))

    def frame(self) -> str | None:
        """The next events that were not sent over this connection yet, as a frame; None when there are none."""
        batch: list[str] = []
        length = 0
        for seq, event in self._events:
            if seq <= self._sent:
                continue
            length += len(event) + 2
            if batch and (length > LONGEST_FRAME or len(batch) == BATCH):
                break
            batch.append(event)
            last = seq
        if not batch:
            return None
        self._sent = last
        return f'{{"type": "events", "events": [{", ".join(batch)}]}}'

    def acknowledge(self, seq: int) -> None:
        """Everything up to `seq` is stored."""
        while self._events and self._events[0][0] <= seq:
            self._events.popleft()

    def start_over(self, acknowledged: int) -> None:
        """A new connection: what is not acknowledged is sent again."""
        self.acknowledge(acknowledged)
        self._sent = acknowledged


def _shortened(text: str) -> str:
    """JSON writes a letter outside of ASCII with six or twelve characters."""
    while len(json.dumps(text)) > LONGEST_TEXT:
        text = text[: len(text) * 3 // 4]
    return text
