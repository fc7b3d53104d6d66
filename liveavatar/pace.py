"""How fast sound is sent over the media websocket, and how long each of its waits lasts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """All in seconds.

    The first message of an utterance holds `first` seconds of sound, each later one `chunk`: short for a quick start,
    then long for few messages (docs: 400 to 600 ms, then about 1 s). A message of 1 s has 64 kB; the vendor drops one
    above 1 MB.

    `connect` bounds a handshake, and the time that a message may take to leave. `ready` bounds the wait for the
    vendor's "connected"; then sound is sent anyway, because some sessions never say it and play all the same. An
    utterance counts as lost when its end is not reported within `overdue` of the time by which it should have been
    heard. `keep_alive` is the longest pause between two messages.
    """

    first: float = 0.5
    chunk: float = 1.0
    connect: float = 10.0
    ready: float = 5.0
    overdue: float = 10.0
    keep_alive: float = 60.0

    def __post_init__(self) -> None:
        if not 0 < self.first <= self.chunk <= 10:
            raise ValueError("chunks are above 0 and up to 10 s long, the first no longer than the others")
