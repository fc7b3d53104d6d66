"""The cost of the room server: CPU per viewer of one picture, and what joins and leaves leave behind.

One publisher sends 1280 x 720 of noise, so that the encoder uses all of its 3 Mbit/s. Server and clients run in
separate processes on separate cores; only the server is measured.
"""

import argparse
import asyncio
import os
from dataclasses import dataclass

import numpy as np
import psutil
from livekit import api, rtc

from benchmarks.crowd import cpu_seconds
from benchmarks.stage import load
from rigs.processes import Simulator, running_simulator
from simulator.avatar.quiet import calm_native_libraries

calm_native_libraries()

ROOM = "relay"
WIDTH, HEIGHT, FRAME_RATE, BITRATE = 1280, 720, 25, 3_000_000
AUDIENCES = (1, 4, 8)
SETTLE = 4.0  # seconds until the encoder has found its rate
AT_ONCE = 4  # clients that join and leave at a time
GOAL = 0.6  # percent of a core for a viewer at 3 Mbit/s
RELEASE = 3.0  # seconds until the connections of a client that left are closed
MEMORY = 0.05  # share that the last quarter of the joins may add


@dataclass(frozen=True, slots=True)
class Holdings:
    """The resources of the server process."""

    fds: int
    threads: int
    megabytes: float

    @classmethod
    def of(cls, process: psutil.Process) -> "Holdings":
        return cls(process.num_fds(), process.num_threads(), process.memory_info().rss / 1e6)

    def row(self) -> str:
        return f"{self.fds:>8} {self.threads:>9} {self.megabytes:>5.0f} MB"


class Publisher:
    """Noise that differs in every frame, in a part of the picture: about as hard to encode as a webcam's picture."""

    def __init__(self) -> None:
        self.source = rtc.VideoSource(WIDTH, HEIGHT)
        chance = np.random.default_rng(1)
        self._frames = [self._frame(chance) for _ in range(8)]

    async def publish(self, room: rtc.Room) -> None:
        options = rtc.TrackPublishOptions(
            source=rtc.TrackSource.SOURCE_CAMERA,
            simulcast=False,
            video_codec=rtc.VideoCodec.VP8,
            video_encoding=rtc.VideoEncoding(max_bitrate=BITRATE, max_framerate=FRAME_RATE),
        )
        track = rtc.LocalVideoTrack.create_video_track("noise", self.source)
        await room.local_participant.publish_track(track, options)

    async def run(self) -> None:
        """Send until cancelled."""
        number = 0
        while True:
            self.source.capture_frame(self._frames[number % len(self._frames)])
            number += 1
            await asyncio.sleep(1 / FRAME_RATE)

    def _frame(self, chance: np.random.Generator) -> rtc.VideoFrame:
        pixels = np.full(WIDTH * HEIGHT * 3 // 2, 128, np.uint8)
        pixels[: WIDTH * HEIGHT // 8] = chance.integers(90, 160, WIDTH * HEIGHT // 8)
        return rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.I420, pixels.tobytes())


def token(simulator: Simulator, identity: str) -> str:
    minted = api.AccessToken(simulator.livekit_api_key, simulator.livekit_api_secret).with_identity(identity)
    return str(minted.with_grants(api.VideoGrants(room_join=True, room=ROOM)).to_jwt())


async def joined(simulator: Simulator, identity: str) -> rtc.Room:
    """Join a client and wait for the picture."""
    room = rtc.Room()
    subscribed = asyncio.Event()
    room.on("track_subscribed", lambda *_: subscribed.set())
    await room.connect(simulator.livekit_url, token(simulator, identity))
    await asyncio.wait_for(subscribed.wait(), 15)
    return room


async def received(room: rtc.Room) -> int:
    """Return the bytes received of the picture so far."""
    for participant in room.remote_participants.values():
        for publication in participant.track_publications.values():
            if publication.track is None:
                continue
            for stats in await publication.track.get_stats():
                if stats.HasField("inbound_rtp"):
                    return int(stats.inbound_rtp.inbound.bytes_received)
    return 0


async def audiences(simulator: Simulator, server: psutil.Process, seconds: float) -> None:
    """Print the CPU of the server for each number of viewers, and what one more viewer adds."""
    clock = asyncio.get_running_loop().time
    viewers: list[rtc.Room] = []
    shares: list[float] = []
    print("viewers     server   each further viewer   least received")
    for size in AUDIENCES:
        while len(viewers) < size:
            viewers.append(await joined(simulator, f"viewer-{len(viewers)}"))
        await asyncio.sleep(SETTLE)
        cpu, before, begun = cpu_seconds(server), [await received(viewer) for viewer in viewers], clock()
        await asyncio.sleep(seconds)
        took = clock() - begun
        shares.append(100 * (cpu_seconds(server) - cpu) / took)
        after = [await received(viewer) for viewer in viewers]
        rate = min(now - then for now, then in zip(after, before, strict=True)) * 8e-6 / took
        further = (shares[-1] - shares[0]) / (size - AUDIENCES[0]) if size > AUDIENCES[0] else 0.0
        print(
            f"{size:>7} {shares[-1]:8.1f} % {further:12.2f} % of a core {rate:9.2f} Mbit/s"
            f"{'   TOO MUCH' if further > GOAL else ''}",
            flush=True,
        )
    await asyncio.gather(*(viewer.disconnect() for viewer in viewers))


async def comings_and_goings(simulator: Simulator, server: psutil.Process, count: int) -> None:
    """Print the resources of the server while clients join, get the picture and leave."""
    print("  joins      fds   threads   memory")
    held = Holdings.of(server)
    print(f"{0:>7} {held.row()}")
    for done in range(0, count, count // 4):
        for number in range(done, done + count // 4, AT_ONCE):
            guests = await asyncio.gather(
                *(joined(simulator, f"guest-{number + each}") for each in range(AT_ONCE))
            )
            await asyncio.gather(*(guest.disconnect() for guest in guests))
        await asyncio.sleep(RELEASE)
        before, held = held, Holdings.of(server)
        print(f"{done + count // 4:>7} {held.row()}", flush=True)
    grows = held.megabytes > before.megabytes * (1 + MEMORY)
    print("memory still grows" if grows else "memory does not grow any more")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8, help="length of each measurement")
    parser.add_argument("--joins", type=int, default=120)
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[:1])  # child processes inherit it
    with running_simulator(SIMULATOR_LOG_LEVEL="WARNING") as simulator:
        os.sched_setaffinity(0, cores[1:] or cores)
        server = psutil.Process(simulator.pid)
        print(load())
        publisher, room = Publisher(), rtc.Room()
        await room.connect(simulator.livekit_url, token(simulator, "publisher"))
        sending = asyncio.create_task(publisher.run())
        await publisher.publish(room)
        await audiences(simulator, server, options.seconds)
        await comings_and_goings(simulator, server, options.joins)
        sending.cancel()
        await asyncio.wait({sending})
        await room.disconnect()


if __name__ == "__main__":
    asyncio.run(main())
