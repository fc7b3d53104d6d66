"""How many talking avatars one core carries, each with a viewer that must miss nothing.

Simulator and avatars share one core. The viewers have the other cores and are not measured.
"""

import argparse
import asyncio
import os
from contextlib import AsyncExitStack
from dataclasses import dataclass

import psutil
from livekit import rtc

from benchmarks.stage import load
from benchmarks.viewers import Viewer, viewing
from rigs.processes import running_simulator

TEXT = "One thing after the other, and then another thing, and so it goes on and on for quite a while. " * 20
WORD = "avatar.transcription.chunk"
CROWDS = {"low": (1, 4, 6, 7, 8, 9, 10, 12), "high": (1, 2, 3, 4, 5, 6)}
SETTLE = 4.0  # seconds after the last join, until the standby process is warm
FLUENT = 24.0  # frames a second
LARGEST_GAP = 0.06  # seconds of sound late or missing in one measurement


@dataclass(frozen=True, slots=True)
class Show:
    """One measurement: CPU in percent of a core, and the figures of the worst viewer."""

    avatars: int
    server: float
    workers: float
    frame_rate: float
    missing: float  # seconds of sound that did not arrive in time
    words: list[float]  # seconds after the first word, of the viewer that heard them last

    @property
    def cpu(self) -> float:
        return self.server + self.workers

    def late(self, alone: "Show") -> float:
        """Return the seconds by which the speech fell behind that of a single avatar."""
        count = min(len(self.words), len(alone.words))
        return self.words[count - 1] - alone.words[count - 1]

    def good(self, alone: "Show") -> bool:
        return self.frame_rate >= FLUENT and max(self.missing, self.late(alone)) <= LARGEST_GAP

    def row(self, alone: "Show") -> str:
        each = self.cpu / self.avatars
        return (
            f"{self.avatars:>7} {self.server:8.1f} % {self.workers:8.1f} % {each:7.1f} % {each / alone.cpu:7.2f}"
            f" {self.frame_rate:8.2f} {1000 * self.missing:8.0f} ms {1000 * self.late(alone):6.0f} ms"
            f"{'' if self.good(alone) else '   too many'}"
        )


HEADER = "avatars     server    workers      each   ratio      fps     missing      late"


async def measure(viewers: list[Viewer], simulator: psutil.Process, seconds: float) -> Show:
    """Let all avatars speak and measure the next `seconds`."""
    clock = asyncio.get_running_loop().time
    begun = [await viewer.speaks(TEXT) for viewer in viewers]
    frames, gaps = await received(viewers)
    server, workers, start = cpu_seconds(simulator), children_cpu_seconds(simulator), clock()
    await asyncio.sleep(seconds)
    took = clock() - start
    server, workers = cpu_seconds(simulator) - server, children_cpu_seconds(simulator) - workers
    frames_after, gaps_after = await received(viewers)
    words = [viewer.moments(WORD, since) for viewer, since in zip(viewers, begun, strict=True)]
    for viewer in viewers:
        await viewer.interrupt()
    return Show(
        len(viewers),
        100 * server / took,
        100 * workers / took,
        min(after - before for before, after in zip(frames, frames_after, strict=True)) / took,
        max(after - before for before, after in zip(gaps, gaps_after, strict=True)),
        latest(words),
    )


def latest(words: list[list[float]]) -> list[float]:
    """Return the rhythm of the speech that took longest for the words that all have spoken."""
    count = min(len(moments) for moments in words)
    return max(
        ([moment - moments[0] for moment in moments[:count]] for moments in words), key=lambda m: m[-1]
    )


async def received(viewers: list[Viewer]) -> tuple[list[int], list[float]]:
    """Return of every viewer the frames decoded and the seconds of sound concealed for missing packets."""
    video = [await viewer.inbound(rtc.TrackKind.KIND_VIDEO) for viewer in viewers]
    audio = [await viewer.inbound(rtc.TrackKind.KIND_AUDIO) for viewer in viewers]
    made_up = [(track.concealed_samples - track.silent_concealed_samples) / 48_000 for track in audio]
    return [track.frames_decoded for track in video], made_up


def cpu_seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def children_cpu_seconds(process: psutil.Process) -> float:
    return sum(cpu_seconds(child) for child in process.children(recursive=True))


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="length of each measurement")
    parser.add_argument("--quality", default="low", choices=sorted(CROWDS))
    parser.add_argument("--encoding", default="VP8", choices=["VP8", "H264"])
    parser.add_argument("--crowds", type=int, nargs="+", help="how many avatars to try")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[:1])  # child processes inherit it
    with running_simulator(SIMULATOR_LOG_LEVEL="WARNING") as running:
        os.sched_setaffinity(0, cores[1:] or cores)
        simulator = psutil.Process(running.pid)
        video = {"quality": options.quality, "encoding": options.encoding}
        print(f"{options.quality} {options.encoding}, {load()}; avatars and server share one core")
        print(HEADER)
        alone, most = None, 0
        async with AsyncExitStack() as doors:
            viewers: list[Viewer] = []
            for crowd in options.crowds or CROWDS[options.quality]:
                while len(viewers) < crowd:
                    viewers.append(await doors.enter_async_context(viewing(running, video_settings=video)))
                await asyncio.sleep(SETTLE)
                show = await measure(viewers, simulator, options.seconds)
                alone = alone or show
                print(show.row(alone), flush=True)
                if not show.good(alone):
                    break
                most = crowd
    print(
        f"{most} talking avatars per core" if most else "other work keeps even one avatar from being served"
    )


if __name__ == "__main__":
    asyncio.run(main())
