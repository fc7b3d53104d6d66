"""A real avatar process in a real room, and viewers that watch, listen and send commands."""

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import numpy as np
import psutil
from livekit import rtc

from rigs.rooms.room_rig import PATIENCE, RoomRig
from rigs.sound.microphone import Microphone

Found = TypeVar("Found")

SESSION = "3f0c6c1e-5d0e-4d53-9a3c-0d3a51c9a001"
AUDIBLE = 100.0  # root mean square of 16-bit samples
FRAME = 0.02  # seconds of sound whose loudness a viewer measures at a time
CONTEXT = {
    "name": "Cafe",
    "prompt": "We open at nine.",
    "opening_text": "Hello ${who}.",
    "links": [{"url": "https://example.org", "faq": "Q: Dogs? A: Dogs are welcome."}],
}


class AvatarWorker:
    """The process, its reports and its orders."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.reports: list[dict[str, Any]] = []
        self._news = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    async def order(self, **order: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        await self.process.stdin.drain()

    async def report(self, kind: str, **members: Any) -> dict[str, Any]:
        """Return the first report of a kind with these members."""
        wanted = {"is": kind, **members}
        async with self._news, asyncio.timeout(PATIENCE):
            while True:
                for report in self.reports:
                    if wanted.items() <= report.items():
                        return report
                await self._news.wait()

    async def exited(self) -> int:
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()

    def family(self) -> list[psutil.Process]:
        """Return the process and its children."""
        process = psutil.Process(self.process.pid)
        return [process, *process.children(recursive=True)]

    async def close(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await self._reading

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            async with self._news:
                self.reports.append(json.loads(line))
                self._news.notify_all()


class Viewer:
    """A user's client. Sounds are (arrival, loudness), pictures (arrival, pixels of a small part).

    `heard` is called with every 20 ms of sound, 24 kHz 16-bit mono.
    """

    def __init__(self, room: rtc.Room) -> None:
        self.room = room
        self.events: list[dict[str, Any]] = []
        self.sounds: list[tuple[float, float]] = []
        self.pictures: list[tuple[float, np.ndarray]] = []
        self.size = (0, 0)
        self.heard: Callable[[bytes], None] = lambda pcm: None
        self._news = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        room.on("data_received", lambda packet: self._start(self._take(packet)))
        room.on("track_subscribed", lambda track, *_: self._start(self._receive(track)))

    async def send(self, packet: bytes | None = None, **command: Any) -> None:
        await self.room.local_participant.publish_data(packet or json.dumps(command), topic="agent-control")

    async def event(self, kind: str, **members: Any) -> dict[str, Any]:
        """Return the first event of a kind with these members."""
        wanted = {"event_type": kind, **members}
        return await self._until(
            lambda: next((event for event in self.events if wanted.items() <= event.items()), None)
        )

    async def sound(self, since: float = 0.0) -> float:
        """Return the arrival of the first audible sound after `since`."""
        return await self._until(
            lambda: next((at for at, loud in self.sounds if loud > AUDIBLE and at > since), None)
        )

    async def silence(self, since: float, frames: int = 10) -> float:
        """Return the arrival of the first of so many quiet frames of 20 ms in a row after `since`."""

        def first_of_quiet() -> float | None:
            run: list[float] = []
            for at, loud in self.sounds:
                run = [*run, at] if at > since and loud < AUDIBLE else []
                if len(run) == frames:
                    return run[0]
            return None

        return await self._until(first_of_quiet)

    async def pictures_seen(self, count: int) -> None:
        await self._until(lambda: len(self.pictures) >= count or None)

    def kinds(self, source: str | None) -> list[str]:
        return [event["event_type"] for event in self.events if event["source_event_id"] == source]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _until(self, found: Callable[[], Found | None]) -> Found:
        async with self._news, asyncio.timeout(PATIENCE):
            while (result := found()) is None:
                await self._news.wait()
            return result

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take(self, packet: rtc.DataPacket) -> None:
        async with self._news:
            if packet.topic == "agent-response":
                self.events.append(json.loads(packet.data))
            self._news.notify_all()

    async def _receive(self, track: rtc.Track) -> None:
        clock = asyncio.get_running_loop().time
        stream: Any
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            stream = rtc.AudioStream(track, sample_rate=24_000, frame_size_ms=round(FRAME * 1000))
        else:
            stream = rtc.VideoStream(track)
        try:
            async for event in stream:
                async with self._news:
                    if isinstance(event, rtc.AudioFrameEvent):
                        samples = np.frombuffer(event.frame.data, np.int16).astype(float)
                        self.sounds.append((clock(), float(np.sqrt((samples**2).mean()))))
                        self.heard(event.frame.data.tobytes())
                    else:
                        frame = event.frame
                        self.size = (frame.width, frame.height)
                        luma = np.frombuffer(frame.data, np.uint8)[: frame.width * frame.height]
                        self.pictures.append(
                            (clock(), luma.reshape(frame.height, frame.width)[::4, ::4].copy())
                        )
                    self._news.notify_all()
        finally:
            await stream.aclose()


class AvatarRig:
    """Workers and viewers of one room server."""

    def __init__(self, rooms: RoomRig) -> None:
        self.rooms = rooms
        self._closing: list[AvatarWorker | Viewer | Microphone] = []

    async def warm(self) -> AvatarWorker:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "simulator.avatar", stdin=PIPE, stdout=PIPE
        )
        worker = AvatarWorker(process)
        self._closing.append(worker)
        await worker.report("warm")
        return worker

    async def started(self, **changes: Any) -> AvatarWorker:
        worker = await self.warm()
        await worker.order(**self.start_order(**changes))
        return worker

    async def ready(self, **changes: Any) -> AvatarWorker:
        worker = await self.started(**changes)
        await worker.report("ready")
        return worker

    async def viewer(self, identity: str = "client-1") -> Viewer:
        viewer = Viewer(await self.rooms.join(identity))
        self._closing.append(viewer)
        return viewer

    async def microphone(self, viewer: Viewer) -> Microphone:
        """Open a microphone for the viewer."""
        microphone = Microphone(viewer.room)
        self._closing.append(microphone)
        return await microphone.open()

    def start_order(self, **changes: Any) -> dict[str, Any]:
        return {
            "do": "start",
            "session_id": SESSION,
            "livekit_url": self.rooms.url,
            "avatar_token": self.rooms.token("heygen", kind="agent"),
            "agent_token": self.rooms.token(f"liveavatar-agent-{SESSION}", kind="agent"),
            "avatar": "ava",
            "quality": "low",
            "encoding": "VP8",
            "context": CONTEXT,
            "voice": {"name": "Ann", "espeak": "en-us+f3", "rate": 220, "pitch": 50},
            "language": "en",
            "interactivity_type": "CONVERSATIONAL",
            "dynamic_variables": {"who": "Bob"},
            **changes,
        }

    async def close(self) -> None:
        for part in reversed(self._closing):
            await part.close()


@contextlib.asynccontextmanager
async def avatar_rig(rooms: RoomRig) -> AsyncIterator[AvatarRig]:
    rig = AvatarRig(rooms)
    try:
        yield rig
    finally:
        await rig.close()
