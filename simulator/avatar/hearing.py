"""The user's microphone: the newest audio track of a user in the room, as PCM."""

import asyncio
import logging
from collections.abc import Callable

from livekit import rtc

logger = logging.getLogger(__name__)

SAMPLE_RATE = 16_000  # Hz, as speech recognition needs it
FRAME_MS = 40
# Seconds after a mute in which sound from before it still arrives, because signalling is faster than media. A user who
# releases a talk button on the last word is heard to the end.
LINGER = 0.2


class Hearing:
    """Reads the users' microphones in `room`; `is_user(participant)` tells users from avatars and agents.

    A client that stops and restarts its voice chat leaves a dead microphone track behind (web SDK 0.0.18), so the
    newest track counts. Muted tracks are not read: they would only deliver silence, at a cost.
    """

    def __init__(
        self,
        room: rtc.Room,
        is_user: Callable[[rtc.RemoteParticipant], bool],
        heard: Callable[[memoryview], None],
        lost: Callable[[], None],
    ) -> None:
        """`heard` gets pieces of 40 ms of 16 kHz, 16-bit mono PCM. `lost` is called when a microphone delivers no
        more, because it is muted, unpublished or replaced by a newer one."""
        self._is_user = is_user
        self._heard = heard
        self._lost = lost
        self._track: rtc.Track | None = None
        self._reading: asyncio.Task[None] | None = None
        self._lingering: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        room.on("track_published", self._on_published)
        room.on("track_subscribed", self._on_subscribed)
        room.on("track_unsubscribed", self._on_unsubscribed)
        room.on("track_muted", self._on_muted)
        room.on("track_unmuted", self._on_muted)

    def begin(self, room: rtc.Room) -> None:
        """Subscribe to the microphones that are already in the room."""
        for participant in room.remote_participants.values():
            for publication in participant.track_publications.values():
                self._on_published(publication, participant)

    async def close(self) -> None:
        """Stop reading."""
        self._track = None
        self._read_newest()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _on_published(
        self, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant
    ) -> None:
        if publication.kind == rtc.TrackKind.KIND_AUDIO and self._is_user(participant):
            publication.set_subscribed(True)

    def _on_subscribed(self, track: rtc.Track, *_: object) -> None:
        self._track = track
        self._read_newest()

    def _on_unsubscribed(self, track: rtc.Track, *_: object) -> None:
        if track is self._track:
            self._track = None
            self._read_newest()

    def _on_muted(self, _participant: rtc.Participant, publication: rtc.TrackPublication) -> None:
        if publication.track is None or publication.track is not self._track:
            return
        if publication.track.muted:
            self._stop_lingering()
            self._lingering = asyncio.get_running_loop().call_later(LINGER, self._read_newest)
        elif self._lingering is None:
            self._read_newest()
        else:
            self._stop_lingering()  # muted only for a moment: reading has not stopped

    def _stop_lingering(self) -> None:
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None

    def _read_newest(self) -> None:
        self._stop_lingering()
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
            self._lost()
        if self._track is not None and not self._track.muted:
            self._reading = asyncio.create_task(self._read(self._track), name="hearing")
            self._tasks.add(self._reading)
            self._reading.add_done_callback(self._tasks.discard)

    async def _read(self, track: rtc.Track) -> None:
        logger.debug("listening to %s", track.sid)
        stream = rtc.AudioStream(track, sample_rate=SAMPLE_RATE, num_channels=1, frame_size_ms=FRAME_MS)
        try:
            async for event in stream:
                self._heard(event.frame.data)
        finally:
            await stream.aclose()
