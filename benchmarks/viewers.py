"""Viewers without a browser: REST sessions, joined with LiveKit's Python client."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from livekit import rtc

from rigs.processes import Simulator
from simulator.avatar.quiet import calm_native_libraries
from simulator.seed import WAYNE

calm_native_libraries()  # their log would cost more CPU than their media

KEY = {"X-API-KEY": "any"}
PATIENCE = 30.0  # seconds until a measurement gives up waiting
Event = dict[str, Any]


class Viewer:
    """A user of one session: its commands, events and tracks. `media_url` is None in FULL."""

    def __init__(self, room: rtc.Room, media_url: str | None) -> None:
        self.room = room
        self.media_url = media_url
        self.tracks: dict[int, rtc.Track] = {}  # by kind
        self._events: list[tuple[float, Event]] = []
        self._news = asyncio.Event()
        room.on("data_received", self._on_data)
        room.on("track_subscribed", self._on_track)

    async def speaks(self, text: str) -> float:
        """Let the avatar speak `text`; return when it has begun, in seconds of the event loop."""
        asked = str(uuid.uuid4())
        await self.command("avatar.speak_text", event_id=asked, text=text)
        at, _ = await self.event("avatar.speak_started", asked)
        return at

    async def interrupt(self) -> None:
        await self.command("avatar.interrupt")

    def moments(self, kind: str, since: float = 0.0) -> list[float]:
        """Return when the events of a kind arrived."""
        return [at for at, event in self._events if event["event_type"] == kind and at >= since]

    async def event(self, kind: str, source: str | None = None, since: float = 0.0) -> tuple[float, Event]:
        """Return the first event of a kind (of the command `source`) after `since`, and its arrival."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for at, event in self._events:
                    about = source in (None, event["source_event_id"])
                    if event["event_type"] == kind and about and at >= since:
                        return at, event
                await self._something()

    async def track(self, kind: int) -> rtc.Track:
        """Return the avatar's track of a kind (`rtc.TrackKind`) when it is subscribed."""
        async with asyncio.timeout(PATIENCE):
            while kind not in self.tracks:
                await self._something()
        return self.tracks[kind]

    async def inbound(self, kind: int) -> Any:
        """Return WebRTC's statistics of a received track (`inbound-rtp` of the W3C)."""
        for stats in await (await self.track(kind)).get_stats():
            if stats.HasField("inbound_rtp"):
                return stats.inbound_rtp.inbound
        raise RuntimeError("nothing has been received of this track")

    async def command(self, kind: str, **members: str) -> None:
        """Send a command of the topic `agent-control`."""
        packet = json.dumps({"event_type": kind, **members})
        await self.room.local_participant.publish_data(packet, topic="agent-control")

    async def _something(self) -> None:
        self._news.clear()
        await self._news.wait()

    def _on_data(self, packet: rtc.DataPacket) -> None:
        if packet.topic == "agent-response":
            self._events.append((asyncio.get_running_loop().time(), json.loads(packet.data)))
            self._news.set()

    def _on_track(self, track: rtc.Track, *_: object) -> None:
        self.tracks[track.kind] = track
        self._news.set()


@asynccontextmanager
async def viewing(simulator: Simulator, **choices: Any) -> AsyncIterator[Viewer]:
    """Start and join a session with `choices` in its token; stop it when the block ends."""
    async with httpx.AsyncClient(base_url=simulator.api_url, timeout=PATIENCE) as http:
        persona: dict[str, Any] = {} if choices.get("mode") == "LITE" else {"avatar_persona": {}}
        body = {"mode": "FULL", "avatar_id": WAYNE, **persona, **choices}
        minted = (await http.post("/v1/sessions/token", json=body, headers=KEY)).raise_for_status()
        token = minted.json()["data"]["session_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        started = (await http.post("/v1/sessions/start", headers=bearer)).raise_for_status().json()["data"]
        viewer = Viewer(rtc.Room(), started["ws_url"])
        try:
            await viewer.room.connect(started["livekit_url"], started["livekit_client_token"])
            yield viewer
        finally:
            await viewer.room.disconnect()
            await http.post("/v1/sessions/stop", headers=bearer)
