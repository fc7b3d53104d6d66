"""LITE sessions with real processes: simulator, avatar and a listener in the room."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import numpy as np
import pytest
from livekit import api, rtc

from rigs.processes import Simulator, running_simulator
from rigs.rooms.room_rig import API_KEY, API_SECRET, EVERY_SERVER, PATIENCE, RoomRig, room_rig, rooms_on
from simulator.avatar.tone import tone
from simulator.seed import WAYNE

pytestmark = pytest.mark.rooms

BODY = {"mode": "LITE", "avatar_id": WAYNE, "video_settings": {"quality": "low", "encoding": "VP8"}}
RATE = 24_000
# Seconds by which a receiver's jitter buffer may lengthen late sound on a busy machine. None may be missing.
STRETCHED = 0.3
LOUD = 1000  # of 32767; half of a full tone's mean


@pytest.fixture(scope="module", params=EVERY_SERVER)
def server(request: pytest.FixtureRequest) -> str:
    """The server of all rooms of a test: the service's and the caller's."""
    return str(request.param)


@pytest.fixture(scope="module")
def simulator(server: str) -> Iterator[Simulator]:
    with running_simulator(rooms_on(server)) as simulator:
        yield simulator


@pytest.fixture
async def rooms(server: str) -> AsyncIterator[RoomRig]:
    async with room_rig(server) as rooms:
        yield rooms


class Caller:
    """A developer's backend: REST calls and the media websocket."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http
        self.started: dict[str, Any] = {}
        self.ws: aiohttp.ClientWebSocketResponse
        self._bearer: dict[str, str] = {}

    async def start(self, **fields: Any) -> int:
        """Start a session; return the status. `started` holds the data or the message of the answer."""
        key = {"X-API-KEY": "any"}
        async with self.http.post("/v1/sessions/token", json={**BODY, **fields}, headers=key) as minted:
            token = (await minted.json())["data"]["session_token"]
        self._bearer = {"Authorization": f"Bearer {token}"}
        async with self.http.post("/v1/sessions/start", headers=self._bearer) as response:
            answer = await response.json()
            self.started = answer["data"] or {"message": answer["message"]}
            return response.status

    async def connect(self) -> None:
        self.ws = await self.http.ws_connect(self.started["ws_url"])
        await self.event("session.state_updated")

    async def speak(self, seconds: float, **members: Any) -> None:
        sound = tone(seconds, 440)
        for start in range(0, len(sound), 48_000):
            audio = base64.b64encode(sound[start : start + 48_000]).decode()
            await self.ws.send_json({"type": "agent.speak", "audio": audio, **members})

    async def event(self, kind: str) -> dict[str, Any]:
        """Return the next event of that type; skip earlier ones."""
        while (event := await self.ws.receive_json(timeout=PATIENCE))["type"] != kind:
            pass
        return dict(event)

    async def stop(self) -> None:
        async with self.http.post("/v1/sessions/stop", headers=self._bearer) as response:
            assert response.status == 200, await response.text()


@pytest.fixture
async def caller(simulator: Simulator) -> AsyncIterator[Caller]:
    async with asyncio.timeout(PATIENCE), aiohttp.ClientSession(simulator.api_url) as http:
        yield Caller(http)


class Ear:
    """A listener in the room. It records the avatar's voice."""

    def __init__(self) -> None:
        self.room = rtc.Room()
        self.sound = self.last = np.zeros(0)
        self.hears = asyncio.Event()
        self._recording: asyncio.Task[None] | None = None
        self.room.on("track_subscribed", self._listen)

    def _listen(self, track: rtc.Track, *_: object) -> None:
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            self._recording = asyncio.create_task(self._record(track))

    async def _record(self, track: rtc.Track) -> None:
        stream = rtc.AudioStream(track, sample_rate=RATE, num_channels=1, frame_size_ms=10)
        self.hears.set()
        try:
            async for event in stream:
                samples = np.frombuffer(event.frame.data, np.int16).astype(float)
                self.sound = np.concatenate([self.sound, samples])
        finally:
            await stream.aclose()

    @property
    def loudness(self) -> np.ndarray:
        """The root mean square of every 10 ms."""
        frames = self.sound[: self.sound.size // 240 * 240].reshape(-1, 240)
        return np.sqrt((frames**2).mean(axis=1))

    async def heard(self, frames: int = 30) -> float:
        """Wait for a sound that so many quiet frames of 10 ms end; return its length in seconds. Then record anew."""
        async with asyncio.timeout(PATIENCE):
            while not ((loud := self.loudness > LOUD).any() and not loud[-frames:].any()):
                await asyncio.sleep(0.05)
        self.last, self.sound = self.sound, np.zeros(0)
        return float(loud.sum() * 0.01)

    async def leave(self) -> None:
        if self._recording is not None:
            self._recording.cancel()
            await asyncio.wait({self._recording})
        await self.room.disconnect()


@pytest.fixture
async def ear() -> AsyncIterator[Ear]:
    ear = Ear()
    yield ear
    await ear.leave()


async def test_the_sound_that_is_sent_is_heard_in_the_room(caller: Caller, ear: Ear) -> None:
    assert await caller.start() == 201
    await caller.connect()
    await ear.room.connect(caller.started["livekit_url"], caller.started["livekit_client_token"])
    await asyncio.wait_for(ear.hears.wait(), PATIENCE)
    await caller.speak(3, event_id="hum")
    await caller.ws.send_json({"type": "agent.speak_end", "event_id": "hum"})
    began = await caller.event("agent.speak_started")
    ended = await caller.event("agent.speak_ended")

    assert -0.1 <= await ear.heard() - 3 <= STRETCHED
    spectrum = np.abs(np.fft.rfft(ear.last))
    assert spectrum.argmax() * RATE / ear.last.size == pytest.approx(440, abs=2)
    assert (began["source_event_id"], began["task"]) == ("hum", ended["task"])
    assert [*ear.room.remote_participants] == ["heygen"]
    avatar = ear.room.remote_participants["heygen"]
    assert avatar.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
    assert len(avatar.track_publications) == 2


async def test_an_interrupt_silences_the_room_and_the_next_words_are_heard(caller: Caller, ear: Ear) -> None:
    assert await caller.start() == 201
    await caller.connect()
    await ear.room.connect(caller.started["livekit_url"], caller.started["livekit_agent_token"])
    await asyncio.wait_for(ear.hears.wait(), PATIENCE)
    await caller.speak(20)
    await caller.event("agent.speak_started")
    await caller.ws.send_json({"type": "agent.interrupt"})
    await caller.event("agent.speak_interrupted")

    assert await ear.heard() < 15
    await caller.speak(1)
    assert -0.1 <= await ear.heard() - 1 <= STRETCHED


async def test_the_avatar_joins_a_callers_room_as_its_token_says_and_does_not_close_it(
    caller: Caller, rooms: RoomRig, ear: Ear
) -> None:
    attributes = {"lk.publish_on_behalf": "agent-1"}
    token = api.AccessToken(API_KEY, API_SECRET).with_identity("stand-in").with_kind("agent")
    token = token.with_attributes(attributes).with_grants(api.VideoGrants(room_join=True, room=rooms.room))
    await ear.room.connect(rooms.url, rooms.token("visitor"))
    room = {"livekit_url": rooms.url, "livekit_room": rooms.room, "livekit_client_token": token.to_jwt()}
    gone = asyncio.Event()
    ear.room.on("participant_disconnected", lambda *_: gone.set())

    assert await caller.start(livekit_config=room) == 201
    await caller.connect()
    await asyncio.wait_for(ear.hears.wait(), PATIENCE)
    await caller.speak(1)
    heard = await ear.heard()
    avatar = ear.room.remote_participants["stand-in"]
    await caller.stop()
    await asyncio.wait_for(gone.wait(), PATIENCE)

    assert avatar.attributes == attributes
    assert -0.1 <= heard - 1 <= STRETCHED
    assert await rooms.inside() == ["visitor"]
    assert ear.room.isconnected()


@pytest.mark.parametrize("fault", ["no server", "wrong secret"])
async def test_a_callers_room_that_cannot_be_joined_fails_the_start_and_says_so(
    caller: Caller, rooms: RoomRig, fault: str
) -> None:
    grants = api.VideoGrants(room_join=True, room=rooms.room)
    token = api.AccessToken("x", "y" * 32).with_identity("avatar").with_grants(grants).to_jwt()
    url = "ws://127.0.0.1:9" if fault == "no server" else rooms.url
    room = {"livekit_url": url, "livekit_room": rooms.room, "livekit_client_token": token}

    assert await caller.start(livekit_config=room) == 500
    assert f"could not join the room at {url}" in caller.started["message"]
    assert token not in json.dumps(caller.started)


async def test_the_next_connection_continues_after_a_dropped_one(caller: Caller, ear: Ear) -> None:
    assert await caller.start() == 201
    await caller.connect()
    await ear.room.connect(caller.started["livekit_url"], caller.started["livekit_client_token"])
    await asyncio.wait_for(ear.hears.wait(), PATIENCE)
    await caller.speak(2)
    await caller.event("agent.speak_started")
    await caller.ws.close()
    await caller.connect()
    ended = await caller.event("agent.speak_ended")
    await caller.speak(1)
    await caller.ws.send_json({"type": "agent.speak_end"})
    began = await caller.event("agent.speak_started")
    await caller.event("agent.speak_ended")

    assert began["task"] != ended["task"]
    assert -0.15 <= await ear.heard() - 3 <= STRETCHED


async def test_the_final_state_is_sent_before_the_websocket_closes(caller: Caller) -> None:
    assert await caller.start() == 201
    await caller.connect()
    stopping = asyncio.create_task(caller.stop())
    states = [(await caller.event("session.state_updated"))["state"] for _ in range(2)]
    closing = await caller.ws.receive(timeout=PATIENCE)
    await stopping

    assert states == ["disconnected", "closed"]
    assert (closing.type, closing.data, closing.extra) == (aiohttp.WSMsgType.CLOSE, 1000, "USER_CLOSED")
