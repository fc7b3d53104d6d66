"""`python -m agent` in a process of its own, and a conversation for it: a room, the line to the site, an avatar."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
from channels.db import database_sync_to_async
from django.utils import timezone
from livekit import api, rtc

from rigs.asgi_server import AsgiServer, asgi_server
from rigs.rooms.room_rig import API_KEY, API_SECRET, RoomRig
from rigs.services.scripted_media import ScriptedMedia, scripted_media
from rigs.sound.spoken_questions import COFFEE
from sessions_app.custom.agent_line import dismiss_agent
from sessions_app.custom.lease import signed_key
from sessions_app.models import AgentLease, AvatarSession, Mode, RoomKind, SessionEvent
from sessions_app.states import State

ROOT = Path(__file__).parents[2]
READY = b"agent: ready"
PATIENCE = 40.0  # seconds; a worker imports for long on a busy machine


class Worker:
    """A running worker. `said` is what it logged."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said = ""
        self._ready = asyncio.Event()
        self._reading = [asyncio.create_task(self._read_ready()), asyncio.create_task(self._read_log())]

    async def ready(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self._ready.wait()

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def family(self) -> list[psutil.Process]:
        """Every process that came from it, espeak's too."""
        return psutil.Process(self.process.pid).children(recursive=True)

    async def over(self) -> int:
        """Its exit code."""
        async with asyncio.timeout(PATIENCE):
            code = await self.process.wait()
            await asyncio.wait(self._reading)
        return code

    async def stop(self) -> None:
        family = self.family() if self.process.returncode is None else []
        if self.process.returncode is None:
            self.process.terminate()
        try:
            await self.over()
        finally:
            for process in [*family, *([self.process] if self.process.returncode is None else [])]:
                with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                    process.kill()

    async def _read_ready(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            if line.startswith(READY):
                self._ready.set()

    async def _read_log(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.said += line.decode()


@contextlib.asynccontextmanager
async def worker(livekit_url: str, **settings: str) -> AsyncIterator[Worker]:
    """Not ready yet when the block begins."""
    own = ("AGENT_", "STT_", "LLM_", "TTS_", "LIVEKIT_", "DJANGO_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agent"),
        cwd=ROOT,
        env={
            **environment,
            "LIVEKIT_URL": livekit_url,
            "LIVEKIT_API_KEY": API_KEY,
            "LIVEKIT_API_SECRET": API_SECRET,
            "AGENT_DRAIN": "0",
            **settings,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    running = Worker(process)
    try:
        yield running
    finally:
        await running.stop()


class Conversation:
    """One CUSTOM session in a room of ours, as the site has it once the service runs it."""

    def __init__(self, rooms: RoomRig, site: AsgiServer, media: ScriptedMedia) -> None:
        self.rooms = rooms
        self.site = site
        self.media = media
        self.session: AvatarSession
        self.visitor: rtc.Room

    async def begin(self, opening_text: str = "", attempt: int = 1) -> None:
        self.session = await AvatarSession.objects.acreate(
            visitor=uuid4(),
            avatar_id="a",
            mode=Mode.CUSTOM,
            room_kind=RoomKind.OWN,
            state=State.LIVE,
            remote_id="remote",
        )
        context = {"prompt": COFFEE.read_text(), "opening_text": opening_text, "faqs": []}
        await AgentLease.objects.acreate(
            session=self.session,
            attempt=attempt,
            dispatched_at=timezone.now(),
            brief={"avatar_name": "Wayne", "language": "en", "context": context},
            start={"ws_url": self.media.url},
        )
        self.rooms.room = self.session.own_room
        await self.dispatch(attempt)

    async def dispatch(self, attempt: int) -> None:
        await AgentLease.objects.filter(session=self.session).aupdate(attempt=attempt)
        metadata = {
            "site_url": self.site.url,
            "session": str(self.session.key),
            "attempt": attempt,
            "key": signed_key(self.session, attempt),
            "hosted": False,
        }
        await self.rooms.dispatch.create_dispatch(
            api.CreateAgentDispatchRequest(
                agent_name="liveavatar", room=self.session.own_room, metadata=json.dumps(metadata)
            )
        )

    async def joined(self, identity: str = "visitor") -> rtc.Room:
        return await self.rooms.join(identity)

    async def is_taken(self) -> bool:
        """An agent has said hello."""
        return bool((await AgentLease.objects.aget(session=self.session)).job_id)

    async def taken(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while not await self.is_taken():
                await asyncio.sleep(0.05)

    @database_sync_to_async
    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """What the agents reported, in order."""
        found = SessionEvent.objects.filter(session=self.session, source__startswith="agent-").order_by("id")
        return [(event.type, event.payload) for event in found]

    async def told(
        self, kind: str, count: int = 1, such: Callable[[dict[str, Any]], bool] = lambda _: True
    ) -> dict[str, Any]:
        """The `count`th event of a kind, as soon as the site has stored it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = [payload for told, payload in await self.events() if told == kind and such(payload)]
                if len(found) >= count:
                    return found[count - 1]
                await asyncio.sleep(0.05)

    async def end(self) -> None:
        self.session.end_reason = "USER_CLOSED"
        await dismiss_agent(self.session)


@contextlib.asynccontextmanager
async def conversation() -> AsyncIterator[Conversation]:
    """A room server, a site and a media websocket; nothing has begun yet."""
    rooms = RoomRig()
    await rooms.open()
    try:
        async with asgi_server() as site, scripted_media() as media:
            yield Conversation(rooms, site, media)
    finally:
        await rooms.close()
