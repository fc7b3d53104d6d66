"""`python -m agent` in a process of its own, and a conversation for it: a room, a site, a media websocket."""

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

from rigs.agent.custom_stage import until
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
PATIENCE = 40.0  # seconds; a worker imports slowly on a busy machine


class Worker:
    """A running worker. `said` is its log so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said = ""
        self._ready = asyncio.Event()
        self._has_logged = asyncio.Event()
        self._reading = [asyncio.create_task(self._read_ready()), asyncio.create_task(self._read_log())]

    async def ready(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self._ready.wait()

    async def logged(self, text: str, count: int = 1) -> None:
        """Wait until `text` is in the log `count` times."""
        async with asyncio.timeout(PATIENCE):
            while self.said.count(text) < count:
                self._has_logged.clear()
                await self._has_logged.wait()

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def family(self) -> list[psutil.Process]:
        """Its descendants, espeak-ng's process too."""
        return psutil.Process(self.process.pid).children(recursive=True)

    async def over(self) -> int:
        """Wait for its end; return the exit code."""
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
            if self.process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    self.process.kill()
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
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
            self._has_logged.set()


@contextlib.asynccontextmanager
async def worker(livekit_url: str, **settings: str) -> AsyncIterator[Worker]:
    """Start a worker; it is not ready yet when the block begins."""
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
    """One live CUSTOM session in a room of ours."""

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
            config={"avatar_name": "Wayne", "language": "en", "context": context},
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
        """Tell whether an agent has said hello."""
        return bool((await AgentLease.objects.aget(session=self.session)).job_id)

    async def taken(self) -> None:
        await until(self.is_taken, PATIENCE)

    @database_sync_to_async
    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """The stored events of the agents, in order."""
        found = SessionEvent.objects.filter(session=self.session, source__startswith="agent-").order_by("id")
        return [(event.type, event.payload) for event in found]

    async def reported(
        self, kind: str, count: int = 1, such: Callable[[dict[str, Any]], bool] = lambda _: True
    ) -> dict[str, Any]:
        """Wait until the site has stored the `count`th event of a kind; return its payload."""

        async def find() -> list[dict[str, Any]]:
            events = await self.events()
            found = [payload for stored, payload in events if stored == kind and such(payload)]
            return found[count - 1 : count]

        [event] = await until(find, PATIENCE)
        return event

    async def end(self) -> None:
        self.session.end_reason = "USER_CLOSED"
        await dismiss_agent(self.session)


@contextlib.asynccontextmanager
async def conversation() -> AsyncIterator[Conversation]:
    """A room server, a site and a media websocket, before the session begins."""
    rooms = RoomRig()
    await rooms.open()
    try:
        async with asgi_server() as site, scripted_media() as media:
            yield Conversation(rooms, site, media)
    finally:
        await rooms.close()
