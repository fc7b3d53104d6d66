"""What went over the wires, newest last: the console shows it, nothing else depends on it."""

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

KEPT = 5000  # entries of all sessions together

Direction = Literal["in", "out", "note"]
Channel = Literal["rest", "data", "media", "session", "worker"]


@dataclass(frozen=True, slots=True)
class Entry:
    """`in` came from a client, `out` went to one, `note` is neither. `at` is milliseconds since 1970."""

    number: int
    at: int
    session_id: str | None
    direction: Direction
    channel: Channel
    name: str
    message: Mapping[str, Any]


class EventLog:
    """Of all sessions. Holds no secrets and no sound: whoever records leaves them out."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._count = 0

    def record(
        self,
        session_id: str | None,
        direction: Direction,
        channel: Channel,
        name: str,
        message: Mapping[str, Any] | None = None,
    ) -> None:
        """`name` is the event's or command's type, or what happened, in a few words."""
        self._count += 1
        at = time.time_ns() // 1_000_000
        self._entries.append(Entry(self._count, at, session_id, direction, channel, name, message or {}))

    def since(self, number: int = 0, session_id: str | None = None) -> list[Entry]:
        """Entries after `number`, oldest first; of one session if named."""
        return [
            entry
            for entry in self._entries
            if entry.number > number and session_id in (None, entry.session_id)
        ]
