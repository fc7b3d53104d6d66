"""A room server and real clients that join it.

Each test has its own embedded server, in its own event loop. All tests share one livekit-server; each has its own room
there.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

os.environ.setdefault("RUST_LOG", "off")  # livekit's native library reads it once, at its start

import aiohttp
import numpy as np
import pytest
from aiohttp import web
from livekit import api, rtc
from livekit.api.agent_dispatch_service import AgentDispatchService
from livekit.api.room_service import RoomService
from livekit.protocol import rtc as R

from rigs.rooms import livekit_server
from rigs.wire import Wire
from simulator.room import RoomServer
from simulator.settings import LiveKit

API_KEY = "key-of-this-test"
API_SECRET = "a secret of at least thirty-two characters"
# Seconds until a test gives up waiting. The limit ends a test that hangs and says nothing about speed: it holds on any
# machine, however busy.
PATIENCE = 60.0
RATE = 48_000  # audio samples per second
FRAME = 960  # samples: 20 ms
EMBEDDED, REAL = "embedded", "livekit-server"
needs_livekit_server = pytest.mark.skipif(
    livekit_server.binary() is None,
    reason="NO LIVEKIT-SERVER TO COMPARE WITH: run `make livekit-server`, or name one in LIVEKIT_SERVER_BIN",
)
# Parameters of the fixture `rig` for tests that must pass on both servers.
EVERY_SERVER = [EMBEDDED, pytest.param(REAL, marks=needs_livekit_server)]


def rooms_on(server: str) -> LiveKit | None:
    """Return the setting `livekit` of a simulator with its rooms on that server."""
    if server == EMBEDDED:
        return None
    return LiveKit(f"ws://127.0.0.1:{livekit_server.port(API_KEY, API_SECRET)}", API_KEY, API_SECRET)


def embedded_only(_reason: str, fixture: str = "rig") -> pytest.MarkDecorator:
    """Mark a test that does not run against a livekit-server, for that reason. `fixture` is the one with the server."""
    return pytest.mark.parametrize(fixture, [EMBEDDED], indirect=True)


class RoomRig:
    """The server, a wire to it, its server APIs and all clients that have joined."""

    def __init__(self) -> None:
        self.server: RoomServer  # the embedded one
        self.http: str
        self.is_real = False
        self.room = "studio"
        self.service: RoomService
        self.dispatch: AgentDispatchService
        self._runner: web.AppRunner | None = None
        self._wire: Wire
        self._lk: api.LiveKitAPI
        self._clients: list[rtc.Room] = []

    @property
    def url(self) -> str:
        return self.http.replace("http", "ws")

    async def open(
        self,
        server: str = EMBEDDED,
        resume_within: float = 15.0,
        routes: Callable[[web.Application], None] | None = None,
    ) -> None:
        self.is_real = server == REAL
        if self.is_real:
            self.room = f"studio-{uuid4().hex[:8]}"
            self._port = livekit_server.port(API_KEY, API_SECRET)
        else:
            await self.start_server(resume_within=resume_within, routes=routes)
        self._wire = Wire(self._port)
        await self._wire.open()
        self.http = self._wire.url
        self._lk = api.LiveKitAPI(self.http, API_KEY, API_SECRET)
        self.service, self.dispatch = self._lk.room, self._lk.agent_dispatch

    async def start_server(
        self,
        port: int = 0,
        resume_within: float = 15.0,
        routes: Callable[[web.Application], None] | None = None,
    ) -> None:
        app = web.Application()
        self.server = RoomServer(API_KEY, API_SECRET, resume_within=resume_within)
        self.server.add_routes(app)
        if routes is not None:
            routes(app)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self._port = int(self._runner.addresses[0][1])

    async def restart_server(self) -> None:
        """Restart the server as after a crash: without a message to its clients, and with no state left."""
        self._wire.cut()
        self._wire.refusing = True
        assert self._runner is not None
        await self._runner.cleanup()
        await self.start_server(port=self._port)
        self._wire.refusing = False

    def cut_signalling(self) -> None:
        self._wire.cut()

    def refuse_connections(self) -> None:
        self._wire.refusing = True
        self._wire.cut()

    def accept_connections(self) -> None:
        self._wire.refusing = False

    async def inside(self) -> list[str]:
        """Return the identities in the room, sorted."""
        listed = await self.service.list_participants(api.ListParticipantsRequest(room=self.room))
        return sorted(participant.identity for participant in listed.participants)

    def participants(self, room: str = "studio") -> list[str]:
        """Return the identities in a room, as the embedded server itself sees them."""
        found = self.server.rooms.get(room)
        return list(found.participants) if found else []

    def token(self, identity: str, kind: Any = "standard", **grants: Any) -> str:
        token = api.AccessToken(API_KEY, API_SECRET).with_identity(identity).with_name(identity.title())
        token = token.with_kind(kind).with_grants(
            api.VideoGrants(**{"room_join": True, "room": self.room, **grants})
        )
        return str(token.to_jwt())

    async def join(self, identity: str, single: bool = False, **grants: Any) -> rtc.Room:
        """Join with a Python client, in signalling v0 or (`single`) v1."""
        room = rtc.Room()
        self._clients.append(room)
        options = rtc.RoomOptions(single_peer_connection=single)
        await room.connect(self.url, self.token(identity, **grants), options)
        return room

    @contextlib.asynccontextmanager
    async def socket(self, token: str, **query: str) -> AsyncIterator["Socket"]:
        async with aiohttp.ClientSession() as session:
            params = {"access_token": token, **query}
            async with session.ws_connect(f"{self.http}/rtc", params=params) as socket:
                yield Socket(socket)

    async def close(self) -> None:
        self.accept_connections()
        for room in self._clients:
            await room.disconnect()
        if self.is_real:
            await self._delete_room()
        await self._lk.aclose()
        if self._runner is not None:
            await self._runner.cleanup()
        await self._wire.close()

    async def _delete_room(self) -> None:
        with contextlib.suppress(api.ServerError):
            await self.service.delete_room(api.DeleteRoomRequest(room=self.room))


@contextlib.asynccontextmanager
async def room_rig(server: str = EMBEDDED, **options: Any) -> AsyncIterator[RoomRig]:
    """Open a rig on `server`, a parameter of a fixture with `EVERY_SERVER`."""
    rig = RoomRig()
    await rig.open(server, **options)
    try:
        yield rig
    finally:
        await rig.close()


class Socket:
    """A client that speaks only the signalling (v0)."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def send(self, **message: Any) -> None:
        await self.socket.send_bytes(R.SignalRequest(**message).SerializeToString())

    async def first(self, kind: str) -> R.SignalResponse:
        async with asyncio.timeout(PATIENCE):
            while True:
                response = R.SignalResponse.FromString(await self.socket.receive_bytes())
                if response.WhichOneof("message") == kind:
                    return response


class Publisher:
    """Publishes a grey picture that changes with every frame, and a sine tone."""

    def __init__(self, room: rtc.Room, tone: float = 500.0, width: int = 320, height: int = 180) -> None:
        self.room = room
        self.video = rtc.VideoSource(width, height)
        self._size = width, height
        self.audio = rtc.AudioSource(RATE, 1, queue_size_ms=100)
        self.publications: list[rtc.LocalTrackPublication] = []
        self._tone = tone
        self._task: asyncio.Task[None] | None = None

    async def start(self, codec: Any = rtc.VideoCodec.VP8) -> "Publisher":
        video = rtc.LocalVideoTrack.create_video_track("camera", self.video)
        audio = rtc.LocalAudioTrack.create_audio_track("microphone", self.audio)
        camera = rtc.TrackPublishOptions(
            source=rtc.TrackSource.SOURCE_CAMERA,
            simulcast=False,
            video_codec=codec,
            video_encoding=rtc.VideoEncoding(max_bitrate=3_000_000, max_framerate=25),
            stream="face",
        )
        microphone = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, stream="face")
        participant = self.room.local_participant
        self.publications = [
            await participant.publish_track(video, camera),
            await participant.publish_track(audio, microphone),
        ]
        self._task = asyncio.create_task(self._play())
        return self

    async def stop(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])
        await self.video.aclose()
        await self.audio.aclose()

    async def _play(self) -> None:
        wave = 12_000 * np.sin(2 * np.pi * self._tone * np.arange(RATE) / RATE)
        samples = wave.astype(np.int16)
        number = 0
        while True:
            start = number * FRAME % RATE
            chunk = samples[start : start + FRAME].tobytes()
            await self.audio.capture_frame(rtc.AudioFrame(chunk, RATE, 1, FRAME))  # paces the loop
            if number % 2 == 0:
                width, height = self._size
                grey = bytes([40 + number * 4 % 160]) * (width * height * 4)
                frame = rtc.VideoFrame(width, height, rtc.VideoBufferType.RGBA, grey)
                self.video.capture_frame(frame)
            number += 1


class Events:
    """The events of a client's room, in order. `first` waits for the first of a kind that fits."""

    def __init__(self, room: rtc.Room, *names: Any) -> None:
        self._seen: list[tuple[str, tuple[Any, ...]]] = []
        self._news = asyncio.Event()
        for name in names:
            room.on(name, self._listener(name))

    async def first(self, name: str, fits: Callable[..., bool] = lambda *_: True) -> tuple[Any, ...]:
        async with asyncio.timeout(PATIENCE):
            while True:
                for seen, arguments in self._seen:
                    if seen == name and fits(*arguments):
                        return arguments
                self._news.clear()
                await self._news.wait()

    def names(self) -> list[str]:
        return [name for name, _ in self._seen]

    def _listener(self, name: str) -> Callable[..., None]:
        def note(*arguments: Any) -> None:
            self._seen.append((name, arguments))
            self._news.set()

        return note


async def acquainted(*rooms: rtc.Room) -> None:
    """Wait until all participants know each other: livekit-server announces one without tracks up to 3 s later."""
    identities = {room.local_participant.identity for room in rooms}
    await until(
        lambda: all(len(identities & room.remote_participants.keys()) == len(rooms) - 1 for room in rooms)
    )


async def pictures(track: rtc.Track, count: int) -> list[rtc.VideoFrame]:
    """Return the next decoded frames of a track."""
    stream = rtc.VideoStream(track)
    frames: list[rtc.VideoFrame] = []
    async with asyncio.timeout(PATIENCE):
        async for event in stream:
            frames.append(event.frame)
            if len(frames) == count:
                break
    await stream.aclose()
    return frames


async def pitch(track: rtc.Track, seconds: float = 1.0) -> float:
    """Wait for sound and return the loudest frequency (Hz) of its first `seconds`."""
    stream = rtc.AudioStream(track, sample_rate=RATE, num_channels=1)
    sound = np.zeros(0)
    async with asyncio.timeout(PATIENCE):
        async for event in stream:
            samples = np.frombuffer(event.frame.data, np.int16).astype(float)
            if sound.size or np.abs(samples).max() > 1000:
                sound = np.concatenate([sound, samples])
            if sound.size >= seconds * RATE:
                break
    await stream.aclose()
    return float(np.abs(np.fft.rfft(sound)).argmax() * RATE / sound.size)


async def until(condition: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
    """Poll for a condition that no event reports, such as a closed socket."""
    async with asyncio.timeout(PATIENCE):
        while True:
            answer = condition()
            if await answer if isinstance(answer, Awaitable) else answer:
                return
            await asyncio.sleep(0.02)
