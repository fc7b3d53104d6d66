"""Events for the site: numbered, and kept until the site acknowledges them."""

import json
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

# The site takes 50 events and 65,536 bytes a frame, 16,384 characters of JSON an event (docs/protocol.md).
MAX_BATCH = 25  # events in one frame
MAX_FRAME = 60_000  # characters of JSON of all its events
MAX_TEXT = 15_000  # characters of JSON of one text


class Outbox:
    """The events of one source. It has no limit: an agent reports a few events a second."""

    def __init__(self) -> None:
        self._events: deque[tuple[int, str]] = deque()  # sequence number, event as JSON
        self._last_seq = 0
        self._sent_seq = 0

    def __len__(self) -> int:
        return len(self._events)

    def put(self, kind: str, payload: Mapping[str, Any], direction: str = "in") -> None:
        """Number an event; `kind` and `payload` as in FULL mode (docs/protocol.md). Long texts are cut."""
        self._last_seq += 1
        event = {
            "seq": self._last_seq,
            "type": kind,
            "direction": direction,
            "at": time.time_ns() // 1_000_000,
            "payload": {
                name: _truncate(value) if isinstance(value, str) else value for name, value in payload.items()
            },
        }
        self._events.append((self._last_seq, json.dumps(event)))

    def next_frame(self) -> str | None:
        """Return the next unsent events as one frame; None when all are sent."""
        batch: list[str] = []
        length = 0
        for seq, event in self._events:
            if seq <= self._sent_seq:
                continue
            length += len(event) + 2
            if batch and (length > MAX_FRAME or len(batch) == MAX_BATCH):
                break
            batch.append(event)
            last = seq
        if not batch:
            return None
        self._sent_seq = last
        return f'{{"type": "events", "events": [{", ".join(batch)}]}}'

    def acknowledge(self, seq: int) -> None:
        """Forget the events up to `seq`: the site has stored them."""
        while self._events and self._events[0][0] <= seq:
            self._events.popleft()

    def resend_after(self, ack: int) -> None:
        """Send the events above `ack` again, over a new connection."""
        self.acknowledge(ack)
        self._sent_seq = ack


def _truncate(text: str) -> str:
    # By its length in JSON, which writes a letter outside of ASCII with six or twelve characters.
    while len(json.dumps(text)) > MAX_TEXT:
        text = text[: len(text) * 3 // 4]
    return text
