"""A whole session with real parts: simulator process, avatar process, room, and the LiveKit SDK as the user."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from livekit import api, rtc

from rigs.processes import Simulator, running_simulator
from rigs.rooms.room_rig import EVERY_SERVER, rooms_on, until
from rigs.services.simulated_service import KEY
from simulator.seed import COFFEE_CONTEXT, WAYNE

pytestmark = pytest.mark.rooms

PERSONA = {"context_id": COFFEE_CONTEXT}
BODY = {
    "mode": "FULL",
    "avatar_id": WAYNE,
    "avatar_persona": PERSONA,
    "video_settings": {"quality": "low", "encoding": "VP8"},
}


class Visitor:
    """A user in the room. Queues the events and the tracks that it receives."""

    def __init__(self) -> None:
        self.room = rtc.Room()
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.tracks: asyncio.Queue[tuple[str, rtc.Track]] = asyncio.Queue()
        self.gone = asyncio.Event()
        self.room.on("data_received", self._hear)
        self.room.on("track_subscribed", lambda track, _, who: self.tracks.put_nowait((who.identity, track)))
        self.room.on("disconnected", lambda *_: self.gone.set())

    def _hear(self, packet: rtc.DataPacket) -> None:
        if packet.topic == "agent-response":
            self.events.put_nowait(json.loads(packet.data))

    async def command(self, **command: Any) -> None:
        await self.room.local_participant.publish_data(
            json.dumps(command), reliable=True, topic="agent-control"
        )

    async def until(self, event_type: str) -> dict[str, Any]:
        """Return the next event of that type. Skip the events before it."""
        while (event := await self.events.get())["event_type"] != event_type:
            pass
        return event

    async def media(self) -> tuple[rtc.Track, rtc.Track]:
        """Wait for the avatar's audio and video tracks."""
        found: dict[int, rtc.Track] = {}
        while len(found) < 2:
            identity, track = await self.tracks.get()
            assert identity == "heygen"
            found[track.kind] = track
        return found[rtc.TrackKind.KIND_AUDIO], found[rtc.TrackKind.KIND_VIDEO]


@pytest.fixture(scope="module", params=EVERY_SERVER)
def simulator(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    """A simulator with the embedded room server, and one with rooms on a livekit-server."""
    with running_simulator(rooms_on(request.param)) as simulator:
        yield simulator


@pytest.fixture
async def http(simulator: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=simulator.api_url, timeout=40) as client:
        yield client


@pytest.fixture
async def started(http: httpx.AsyncClient) -> tuple[dict[str, Any], dict[str, str]]:
    """The start response of a running session, and the Authorization header with its token."""
    minted = await http.post("/v1/sessions/token", json=BODY, headers=KEY)
    bearer = {"Authorization": f"Bearer {minted.json()['data']['session_token']}"}
    response = await http.post("/v1/sessions/start", headers=bearer)
    assert response.status_code == 201, response.text
    return response.json()["data"], bearer


@pytest.fixture
async def visitor(started: tuple[dict[str, Any], dict[str, str]]) -> AsyncIterator[Visitor]:
    visitor = Visitor()
    async with asyncio.timeout(60):
        await visitor.room.connect(started[0]["livekit_url"], started[0]["livekit_client_token"])
        yield visitor
        await visitor.room.disconnect()


async def loudest(track: rtc.Track, seconds: float) -> int:
    """Return the largest sample of the next `seconds`, 0 to 32767."""
    stream = rtc.AudioStream(track, sample_rate=24_000, num_channels=1)
    peak, heard = 0, 0.0
    async for event in stream:
        samples = np.frombuffer(event.frame.data, np.int16).astype(np.int32)
        peak = max(peak, int(np.abs(samples).max()))
        heard += len(samples) / 24_000
        if heard >= seconds:
            break
    await stream.aclose()
    return peak


async def frame_of(track: rtc.Track) -> rtc.VideoFrame:
    stream = rtc.VideoStream(track)
    event = await anext(aiter(stream))
    await stream.aclose()
    return event.frame


async def test_the_avatar_appears_says_a_given_text_and_leaves_with_the_session(
    simulator: Simulator,
    http: httpx.AsyncClient,
    started: tuple[dict[str, Any], dict[str, str]],
    visitor: Visitor,
) -> None:
    admission, bearer = started
    session_id = admission["session_id"]

    audio, video = await visitor.media()
    frame = await frame_of(video)
    await visitor.until("avatar.speak_ended")
    await visitor.command(event_id="say-1", event_type="avatar.speak_text", text="The kettle is singing.")
    began = await visitor.until("avatar.speak_started")
    peak = await loudest(audio, 1.0)
    said = await visitor.until("avatar.transcription")
    ended = await visitor.until("avatar.speak_ended")

    await until(  # livekit-server may announce a participant without tracks seconds later
        lambda: set(visitor.room.remote_participants) == {"heygen", f"liveavatar-agent-{session_id}"}
    )
    assert (frame.width, frame.height) == (640, 360)
    assert (began["session_id"], began["source_event_id"]) == (session_id, "say-1")
    assert said["text"] == "The kettle is singing."
    assert ended["source_event_id"] == "say-1"
    assert peak > 1000

    response = await http.post("/v1/sessions/stop", headers=bearer)
    stopped = await visitor.until("session.stopped")
    await visitor.gone.wait()
    transcript = await http.get(f"/v1/sessions/{session_id}/transcript", headers=KEY)
    async with api.LiveKitAPI(
        simulator.livekit_url, simulator.livekit_api_key, simulator.livekit_api_secret
    ) as server:
        rooms = await server.room.list_rooms(api.ListRoomsRequest(names=[session_id]))

    assert response.status_code == 200
    assert (stopped["end_reason"], stopped["stop_reason"]) == ("USER_CLOSED", "USER_CLOSED")
    assert "The kettle is singing." in [
        line["transcript"] for line in transcript.json()["data"]["transcript_data"]
    ]
    assert list(rooms.rooms) == []


async def test_a_killed_avatar_is_announced_and_the_next_session_works(
    simulator: Simulator,
    http: httpx.AsyncClient,
    started: tuple[dict[str, Any], dict[str, str]],
    visitor: Visitor,
) -> None:
    await visitor.media()
    before = psutil.Process(simulator.pid).children()
    for worker in before:  # the one in the room and the standby one
        os.kill(worker.pid, signal.SIGKILL)

    stopped = await visitor.until("session.stopped")
    await visitor.gone.wait()
    minted = await http.post("/v1/sessions/token", json=BODY, headers=KEY)
    bearer = {"Authorization": f"Bearer {minted.json()['data']['session_token']}"}
    # The simulator refuses starts while it backs off after the crash of its standby process.
    while (restarted := await http.post("/v1/sessions/start", headers=bearer)).status_code == 500:
        await asyncio.sleep(0.2)

    assert stopped["end_reason"] == "SERVER_ERROR"
    assert restarted.status_code == 201
