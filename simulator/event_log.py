"""What went over the wires, newest last: the console shows it, nothing else depends on it."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, get_args

KEPT = 5000  # entries of all sessions together

Direction = Literal["in", "out", "note"]
Channel = Literal["rest", "data", "media", "session", "worker", "console"]
DIRECTIONS: tuple[str, ...] = get_args(Direction)
CHANNELS: tuple[str, ...] = get_args(Channel)


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
    """Of all sessions. Holds no secrets and no sound: whoever records leaves them out.

    Readers follow it by number. One that is slow costs nothing: it misses what has been dropped meanwhile.
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
        """`name` is the event's or command's type, or what happened, in a few words."""
        self._count += 1
        at = time.time_ns() // 1_000_000
        entry = Entry(self._count, at, session_id, direction, channel, name, message or {})
        self._entries.append(entry)
        if channel == "worker" and name == "condition":
            self._conditions[str(entry.message.get("name", ""))] = entry
        self._wake()

    def since(self, number: int = 0, session_id: str | None = None) -> list[Entry]:
        """Entries after `number`, oldest first; of one session if named."""
        first = self._entries[0].number if self._entries else 0
        newer = islice(self._entries, max(0, number + 1 - first), None)
        return [entry for entry in newer if session_id in (None, entry.session_id)]

    async def beyond(self, number: int) -> None:
        """Wait until there is an entry after `number`, or until the log is closed."""
        while self._count <= number and not self.closed:
            await self._news.wait()

    def conditions(self) -> list[Entry]:
        """What workers last said of what this machine can do, one entry per name, members `name`, `ok`, `why`."""
        return [self._conditions[name] for name in sorted(self._conditions)]

    def close(self) -> None:
        """Let everybody go who waits for news."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
