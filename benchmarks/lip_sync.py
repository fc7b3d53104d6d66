"""The offset between lips and sound at the receiver: in a Python client and in Chromium.

The opening of the mouth is read from the pixels, as its inside is dark, and compared with the loudness of the voice.
The delay with the best correlation is compared with the delay that the avatar intends.
"""

import argparse
import asyncio
import base64
from collections.abc import Awaitable
from dataclasses import dataclass

import aiohttp
import numpy as np
from livekit import rtc

from benchmarks.shift import Curve, Shift
from benchmarks.stage import Stage, load, set_stage
from benchmarks.viewers import PATIENCE, Viewer, viewing
from rigs.browser.visitor import visiting
from rigs.processes import Simulator
from simulator.avatar.camera import FRAME_TIME
from simulator.avatar.lips import track_from_phonemes
from simulator.avatar.lips_from_sound import SoundLips
from simulator.avatar.rig import DESIGN_HEIGHT, DESIGN_WIDTH, MOUTH_BOX
from voice.speaking.espeak_speaker import EspeakSpeaker
from voice.speaking.speaker import Voice
from voice.speaking.utterance import SAMPLE_RATE

TEXT = "Papa, papa, bob. Mama, papa, bah. Bob, papa, papa. " * 4  # lips open wide and shut in turn
SOUND_MS = 10
HALF_FRAME = (
    FRAME_TIME / 2
)  # seconds: a picture stays until the next, so on average it is seen this much later
GOAL_MS = 80
VIDEO = {"quality": "low", "encoding": "VP8"}

# Records [ms, darkness at the mouth] of every frame and [ms, loudness] every 10 ms.
WATCH = """([x, y, width, height]) => {
  const video = document.querySelector("[data-video]")
  const canvas = new OffscreenCanvas(16, 10).getContext("2d", { willReadFrequently: true })
  window.openings = []
  const see = (now, frame) => {
    const across = video.videoWidth, down = video.videoHeight
    canvas.drawImage(video, x * across, y * down, width * across, height * down, 0, 0, 16, 10)
    const light = canvas.getImageData(0, 0, 16, 10).data.reduce((sum, value) => sum + value, 0)
    window.openings.push([frame.expectedDisplayTime, -light])
    video.requestVideoFrameCallback(see)
  }
  video.requestVideoFrameCallback(see)
  const context = new AudioContext()
  const analyser = context.createAnalyser()
  analyser.fftSize = 512
  context.createMediaStreamSource(document.querySelector("[data-audio]").srcObject).connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  const half = 1000 * samples.length / 2 / context.sampleRate
  window.sounds = []
  setInterval(() => {
    analyser.getFloatTimeDomainData(samples)
    const square = samples.reduce((sum, sample) => sum + sample * sample, 0)
    window.sounds.push([performance.now() - half, Math.sqrt(square / samples.length)])
  }, 10)
}"""


@dataclass(frozen=True, slots=True)
class Speech:
    """The speech, and the intended offset of the avatar's mouth: from phonemes, and from sound."""

    pcm: bytes
    by_phonemes: Shift
    by_sound: Shift

    @classmethod
    async def made(cls) -> "Speech":
        speaker = EspeakSpeaker()
        utterance = await speaker.synthesize(TEXT, Voice())
        await speaker.close()
        moments = np.arange(0, utterance.seconds, SOUND_MS / 1000)
        pieces = np.array_split(np.frombuffer(utterance.pcm, "<i2"), len(moments))
        sounds = [(at + SOUND_MS / 2000, rms(piece)) for at, piece in zip(moments, pieces, strict=True)]
        tracks = track_from_phonemes(utterance.phonemes, utterance.seconds), SoundLips().listen(utterance.pcm)
        shifts = [Shift.between([(at, track.at(at).opening) for at in moments], sounds) for track in tracks]
        return cls(utterance.pcm, *shifts)


async def through_python(simulator: Simulator) -> Shift:
    """Measure in a Python client, without a playout device."""
    async with viewing(simulator, video_settings=VIDEO) as viewer:
        begun = await viewer.speaks(TEXT)
        return await received(viewer, viewer.event("avatar.speak_ended", since=begun))


async def through_media_socket(simulator: Simulator, pcm: bytes) -> Shift:
    """Measure in a LITE session, in which the caller sends the voice as sound."""
    async with (
        viewing(simulator, mode="LITE", video_settings=VIDEO) as viewer,
        aiohttp.ClientSession() as http,
        http.ws_connect(viewer.media_url or "") as socket,
    ):
        await told(socket, "session.state_updated")
        second = SAMPLE_RATE * 2
        for start in range(0, len(pcm), second):
            piece = base64.b64encode(pcm[start : start + second]).decode()
            await socket.send_json({"type": "agent.speak", "event_id": "speech", "audio": piece})
        await socket.send_json({"type": "agent.speak_end", "event_id": "speech"})
        return await received(viewer, told(socket, "agent.speak_ended"))


async def told(socket: aiohttp.ClientWebSocketResponse, kind: str) -> None:
    """Return with the first message of a kind."""
    async with asyncio.timeout(PATIENCE):
        while (await socket.receive_json())["type"] != kind:
            pass


async def received(viewer: Viewer, ended: Awaitable[object]) -> Shift:
    """Return the offset at `viewer` until the speech has `ended`."""
    video = rtc.VideoStream(await viewer.track(rtc.TrackKind.KIND_VIDEO))
    audio = rtc.AudioStream(await viewer.track(rtc.TrackKind.KIND_AUDIO), frame_size_ms=SOUND_MS)
    openings: list[tuple[float, float]] = []
    sounds: list[tuple[float, float]] = []
    watching = asyncio.create_task(watch(video, openings))
    listening = asyncio.create_task(listen(audio, sounds))
    await ended
    watching.cancel()
    listening.cancel()
    await asyncio.wait({watching, listening})
    return Shift.between(openings, sounds)


async def watch(stream: rtc.VideoStream, openings: list[tuple[float, float]]) -> None:
    """Record the darkness at the mouth of every frame."""
    clock = asyncio.get_running_loop().time
    async for event in stream:
        frame = event.frame
        size = frame.height, frame.width
        luma = np.frombuffer(frame.data, np.uint8, size[0] * size[1]).reshape(size)
        x, y, width, height = (int(part * frame.height / DESIGN_HEIGHT) for part in MOUTH_BOX)
        openings.append((clock() + HALF_FRAME, -float(luma[y : y + height, x : x + width].mean())))


async def listen(stream: rtc.AudioStream, sounds: list[tuple[float, float]]) -> None:
    """Record the loudness of the voice every 10 ms."""
    clock = asyncio.get_running_loop().time
    async for event in stream:
        sounds.append((clock() - SOUND_MS / 2000, rms(np.frombuffer(event.frame.data, np.int16))))


async def through_chromium(stage: Stage) -> Shift:
    """Measure in a page, as it shows and plays them."""
    x, y, width, height = MOUTH_BOX
    part = [x / DESIGN_WIDTH, y / DESIGN_HEIGHT, width / DESIGN_WIDTH, height / DESIGN_HEIGHT]
    async with visiting(stage.browser, stage.site.url) as visitor:
        await visitor.start()
        await visitor.is_ready_to_talk()
        await visitor.page.get_by_label("Your message").fill(TEXT)
        await visitor.press("Say exactly")
        await visitor.state_is("Speaking")
        await visitor.page.evaluate(WATCH, part)
        await visitor.state_is("Listening", within=60)
        seen, heard = await visitor.page.evaluate("[openings, sounds]")
    openings = [(at + HALF_FRAME, opening) for at, opening in seconds(seen)]
    return Shift.between(openings, seconds(heard))


def seconds(curve: list[list[float]]) -> Curve:
    return [(at / 1000, value) for at, value in curve]


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt((samples.astype(float) ** 2).mean()))


def row(way: str, shift: Shift, meant: Shift) -> str:
    off = shift.ms - meant.ms
    return (
        f"{way:<24} {shift.ms:+5.0f} ms {meant.ms:+7.0f} ms {off:+7.0f} ms {shift.agreement:11.2f}"
        f"{'' if max(abs(off), abs(shift.ms)) <= GOAL_MS else '   TOO FAR'}"
    )


async def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    speech = await Speech.made()
    async with set_stage() as stage:
        print(f"quality low, VP8, {load()}; delay of the lips behind the sound")
        print(f"{'':<24} {'arrives':>8} {'intended':>10} {'off':>10} {'agreement':>11}")
        print(row("FULL, Python client", await through_python(stage.simulator), speech.by_phonemes))
        print(row("FULL, Chromium", await through_chromium(stage), speech.by_phonemes))
        lite = await through_media_socket(stage.simulator, speech.pcm)
        print(row("LITE, Python client", lite, speech.by_sound))


if __name__ == "__main__":
    asyncio.run(main())
