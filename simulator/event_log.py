"""The log of API calls, events and commands that the console shows. Nothing else depends on it."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, get_args

KEPT = 5000  # entries, all sessions together

Direction = Literal["in", "out", "note"]
Channel = Literal["rest", "data", "media", "session", "worker", "console"]
DIRECTIONS: tuple[str, ...] = get_args(Direction)
CHANNELS: tuple[str, ...] = get_args(Channel)


@dataclass(frozen=True, slots=True)
class Entry:
    """`in` came from a client, `out` went to a client, `note` is neither. `at` is milliseconds since 1970."""

    number: int
    at: int
    session_id: str | None
    direction: Direction
    channel: Channel
    name: str
    message: Mapping[str, Any]


class EventLog:
    """The newest entries of all sessions. The code that records an entry leaves out secrets and audio.

    Readers follow the log by entry number. A slow reader holds nothing back; it misses the entries dropped meanwhile.
    """

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._conditions: dict[str, Entry] = {}
        self._count = 0
        self._news = asyncio.Event()
        self.closed = False

    @property
    def last(self) -> int:
        """The number of the newest entry, 0 for none."""
        return self._count

    def record(
        self,
        session_id: str | None,
        direction: Direction,
        channel: Channel,
        name: str,
        message: Mapping[str, Any] | None = None,
    ) -> None:
        """Add an entry. `name` is the type of the event or command, or a short description."""
        self._count += 1
        at = time.time_ns() // 1_000_000
        entry = Entry(self._count, at, session_id, direction, channel, name, message or {})
        self._entries.append(entry)
        if channel == "worker" and name == "condition":
            self._conditions[str(entry.message.get("name", ""))] = entry
        self._wake()

    def since(self, number: int = 0, session_id: str | None = None) -> list[Entry]:
        """Return the entries after `number`, oldest first; only those of `session_id`, if given."""
        first = self._entries[0].number if self._entries else 0
        newer = islice(self._entries, max(0, number + 1 - first), None)
        return [entry for entry in newer if session_id in (None, entry.session_id)]

    async def beyond(self, number: int) -> None:
        """Wait for an entry after `number`, or for the log to close."""
        while self._count <= number and not self.closed:
            await self._news.wait()

    def conditions(self) -> list[Entry]:
        """Return the workers' latest reports about this machine's abilities, such as speech.

        One entry per ability, sorted by name; its message has the members `name`, `ok` and `why`.
        """
        return [self._conditions[name] for name in sorted(self._conditions)]

    def close(self) -> None:
        """Close the log and wake all waiting readers."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
