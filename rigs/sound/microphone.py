"""A user's microphone in a room: a hiss, into which people speak."""

import asyncio

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
SETTLING = 0.3  # seconds until sound flows after a subscription
PEOPLE = ("en-us+f2", "en-us+m3", "en-gb-x-rp+m3", "en-us+m7")


class Microphone:
    """Publishes one track for as long as it is open. What is spoken into it at once is mixed."""

    def __init__(self, room: rtc.Room) -> None:
        self._room = room
        self._speaker = EspeakSpeaker()
        self._chance = np.random.default_rng(7)
        self._air: NDArray[np.float32] = np.zeros(0, np.float32)  # what is still to be heard
        self._source = rtc.AudioSource(RATE, 1, queue_size_ms=0)
        self._track = rtc.LocalAudioTrack.create_audio_track("microphone", self._source)
        self._publication: rtc.LocalTrackPublication | None = None
        self._recording: asyncio.Task[None] | None = None

    async def open(self) -> "Microphone":
        """Returns when somebody in the room hears it."""
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        self._publication = await self._room.local_participant.publish_track(self._track, options)
        self._recording = asyncio.create_task(self._record())
        async with asyncio.timeout(PATIENCE):
            await self._publication.wait_for_subscription()
        await asyncio.sleep(SETTLING)
        return self

    async def close(self) -> None:
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
        begun = asyncio.get_running_loop().time()
        self.mix(samples)
        return Spoken(begun + voiced[0] / RATE, begun + voiced[-1] / RATE, begun + len(samples) / RATE)

    def mix(self, samples: NDArray[np.float32], delay: float = 0.0) -> None:
        """Add sound of 48 kHz to the air, `delay` seconds from now."""
        start = round(delay * RATE)
        self._air = np.pad(self._air, (0, max(0, start + len(samples) - len(self._air))))
        self._air[start : start + len(samples)] += samples

    async def _record(self) -> None:
        clock = asyncio.get_running_loop().time
        started, count = clock(), 0
        while True:
            frame = self._chance.normal(0, HISS, FRAME).astype(np.float32)
            heard, self._air = self._air[:FRAME], self._air[FRAME:]
            frame[: len(heard)] += heard
            pcm = np.clip(frame, -32768, 32767).astype("<i2").tobytes()
            await self._source.capture_frame(rtc.AudioFrame(pcm, RATE, 1, FRAME))
            count += 1
            if (wait := started + count * FRAME / RATE - clock()) > 0:
                await asyncio.sleep(wait)


class Spoken:
    """When the voice of a sentence begins and ends, and its sound: seconds of the loop's clock."""

    def __init__(self, begins: float, ends: float, over: float) -> None:
        self.begins, self.ends, self.over = begins, ends, over


def at_24_khz(pcm: bytes) -> NDArray[np.float32]:
    """24 kHz, 16-bit PCM as samples for `mix`."""
    return np.frombuffer(resample(pcm, SPOKEN_RATE, RATE), "<i2").astype(np.float32)
