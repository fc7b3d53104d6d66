"""A user's microphone in a room: a hiss, into which people and loudspeakers sound."""

import asyncio
from dataclasses import dataclass

import numpy as np
from livekit import rtc
from numpy.typing import NDArray

from rigs.rooms.room_rig import PATIENCE
from voice.speaking.espeak_speaker import EspeakSpeaker
from voice.speaking.resample import resample
from voice.speaking.speaker import Voice
from voice.speaking.utterance import SAMPLE_RATE as SPOKEN_RATE

RATE = 48_000  # Hz
FRAME = RATE // 100  # samples
HISS = 8.0  # RMS of 16-bit samples; a quiet room
LOUDNESS = 2000.0  # RMS of speech; a headset with automatic gain
SETTLING = 0.3  # seconds of sound until a new subscription delivers it
PEOPLE = ("en-us+f2", "en-us+m3", "en-gb-x-rp+m3", "en-us+m7")

Samples = NDArray[np.float32]


class Microphone:
    """Publishes one track while it is open. Sounds that overlap are mixed."""

    def __init__(self, room: rtc.Room) -> None:
        self._room = room
        self._speaker = EspeakSpeaker()
        self._chance = np.random.default_rng(7)
        self._air: Samples = np.zeros(0, np.float32)  # sound to come, from `_recorded` on
        self._recorded = 0  # samples
        self._started = 0.0  # on the loop's clock
        self._progress = asyncio.Condition()
        self._source = rtc.AudioSource(RATE, 1, queue_size_ms=0)
        self._track = rtc.LocalAudioTrack.create_audio_track("microphone", self._source)
        self._publication: rtc.LocalTrackPublication | None = None
        self._recording: asyncio.Task[None] | None = None

    async def open(self) -> "Microphone":
        """Publish the track. Returns when a participant receives it."""
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        self._publication = await self._room.local_participant.publish_track(self._track, options)
        self._recording = asyncio.create_task(self._record())
        async with asyncio.timeout(PATIENCE):
            await self._publication.wait_for_subscription()
        await self.recorded(self._recorded / RATE + SETTLING)
        return self

    async def close(self) -> None:
        """Unpublish the track."""
        if self._recording is not None:
            self._recording.cancel()
            await asyncio.wait({self._recording})
            self._recording = None
        if self._publication is not None and self._room.isconnected():
            await self._room.local_participant.unpublish_track(self._publication.sid)
        self._publication = None
        await self._speaker.close()
        await self._source.aclose()

    @property
    def sid(self) -> str:
        """The id of its track in the room."""
        assert self._publication is not None
        return str(self._publication.sid)

    def mute(self) -> None:
        self._track.mute()

    def unmute(self) -> None:
        self._track.unmute()

    async def say(self, text: str, person: str = PEOPLE[0], loudness: float = LOUDNESS) -> "Spoken":
        """Begin to speak `text`, now."""
        utterance = await self._speaker.synthesize(text, Voice(person, 160, 50))
        samples = np.frombuffer(resample(utterance.pcm, SPOKEN_RATE, RATE), "<i2").astype(np.float32)
        loud = np.abs(samples) > 100
        samples *= loudness / np.sqrt(np.mean(samples[loud] ** 2))
        voiced = np.flatnonzero(np.abs(samples) > loudness / 10)
        begun = self.mix(samples)
        return Spoken((begun + voiced[0]) / RATE, (begun + voiced[-1]) / RATE, (begun + len(samples)) / RATE)

    def mix(self, samples: Samples, after: int = 0, delay: float = 0.0) -> int:
        """Add 48 kHz sound to the air, in `delay` seconds but not before position `after`; return its position.

        Positions are samples since the microphone opened.
        """
        position = max(after, self._recorded + round(delay * RATE))
        start = position - self._recorded
        self._air = np.pad(self._air, (0, max(0, start + len(samples) - len(self._air))))
        self._air[start : start + len(samples)] += samples
        return position

    async def recorded(self, seconds: float) -> None:
        """Wait until the microphone has recorded so many seconds since it opened."""
        async with self._progress, asyncio.timeout(PATIENCE):
            await self._progress.wait_for(lambda: self._recorded >= seconds * RATE)

    def moment(self, seconds: float) -> float:
        """Return when the microphone is so many seconds open, on the loop's clock."""
        return self._started + seconds

    async def _record(self) -> None:
        clock = asyncio.get_running_loop().time
        self._started = clock()
        while True:
            frame = self._chance.normal(0, HISS, FRAME).astype(np.float32)
            heard, self._air = self._air[:FRAME], self._air[FRAME:]
            frame[: len(heard)] += heard
            self._recorded += FRAME
            pcm = np.clip(frame, -32768, 32767).astype("<i2").tobytes()
            await self._source.capture_frame(rtc.AudioFrame(pcm, RATE, 1, FRAME))
            async with self._progress:
                self._progress.notify_all()
            if (wait := self._started + self._recorded / RATE - clock()) > 0:
                await asyncio.sleep(wait)


@dataclass(frozen=True, slots=True)
class Spoken:
    """Where the voice of a sentence begins and ends, and its sound: seconds since the microphone opened."""

    begins: float
    ends: float
    over: float


class Loudspeaker:
    """A loudspeaker that a microphone picks up after `delay` seconds, with a share `gain` of its loudness.

    Like a sound card it plays pieces without overlap, however irregularly they arrive.
    """

    def __init__(self, microphone: Microphone, delay: float, gain: float) -> None:
        self._microphone = microphone
        self._delay = delay
        self._gain = gain
        self._end = 0

    def play(self, pcm: bytes) -> None:
        """Play 24 kHz, 16-bit mono PCM after what is playing."""
        samples = np.frombuffer(resample(pcm, SPOKEN_RATE, RATE), "<i2").astype(np.float32) * self._gain
        self._end = self._microphone.mix(samples, self._end, self._delay) + len(samples)
