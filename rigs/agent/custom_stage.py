"""CUSTOM conversations with real parts: the simulator, the site and the agents, each in a process of its own."""

import asyncio
import contextlib
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
from livekit import api

from rigs.processes import ROOT, Simulator, Site, running_simulator, running_site
from rigs.rooms.room_rig import EMBEDDED, rooms_on
from rigs.services.simulated_service import KEY
from simulator.settings import LiveKit

READY_WITHIN = 60.0  # seconds
PATIENCE = 30.0


@dataclass
class Worker:
    """A process of `python -m agent`, and the file of its log."""

    process: subprocess.Popen[bytes]
    log: Path
    settings: dict[str, str]

    @property
    def pid(self) -> int:
        return self.process.pid

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    async def ended(self, within: float = PATIENCE) -> int:
        return await asyncio.to_thread(self.process.wait, within)


@dataclass
class CustomStage:
    """The running processes. `livekit` has our own rooms and dispatches the agents."""

    simulator: Simulator
    site: Site
    livekit: LiveKit
    folder: Path
    workers: list[Worker] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def crew(self, size: int, **settings: str) -> AsyncIterator[None]:
        """Have `size` workers, ready for conversations, until the block ends."""
        try:
            await asyncio.gather(*(asyncio.to_thread(self.hire, **settings) for _ in range(size)))
            yield
        finally:
            await asyncio.to_thread(self.dismiss)

    def hire(self, **settings: str) -> Worker:
        """Another worker, ready for conversations."""
        log = self.folder / f"agent-{uuid4()}.log"
        environment = {
            **{name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
            "LIVEKIT_URL": self.livekit.url,
            "LIVEKIT_API_KEY": self.livekit.key,
            "LIVEKIT_API_SECRET": self.livekit.secret,
            "LOG_LEVEL": "WARNING",
            **settings,
        }
        with log.open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "agent"],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        worker = Worker(process, log, settings)
        self.workers.append(worker)
        try:
            _read_line(process, READY_WITHIN)
        except TimeoutError:
            raise RuntimeError(f"the agent is not ready: {log.read_text()}") from None
        return worker

    def dismiss(self) -> None:
        """End all workers; kill the ones that hang."""
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.end()
        for worker in self.workers:
            try:
                worker.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(worker.pid, signal.SIGKILL)
                worker.process.wait()
            if worker.process.stdout is not None:
                worker.process.stdout.close()
        self.workers.clear()

    def jobs(self) -> list[tuple[Worker, psutil.Process]]:
        """Return the processes that hold a conversation now: those that are connected to the site."""
        found = []
        for worker in self.workers:
            if worker.process.poll() is None:
                for process in psutil.Process(worker.pid).children(recursive=True):
                    if any(line.raddr and line.raddr.port == self.site.port for line in _lines(process)):
                        found.append((worker, process))
        return found

    def lease(self, key: str) -> dict[str, Any]:
        """Return the lease of a session. `job` is empty until the agent of this attempt has said hello."""
        query = """SELECT attempt, job_id, agent_state, start FROM sessions_app_agentlease
                   WHERE session_id = (SELECT id FROM sessions_app_avatarsession WHERE key = ?)"""
        attempt, job, state, start = self.site.rows(query, key)[0]
        return {"attempt": attempt, "job": job, "state": state, "start": json.loads(start)}

    def session(self, key: str) -> dict[str, Any]:
        query = """SELECT state, end_reason, released_at, remote_id FROM sessions_app_avatarsession WHERE key = ?"""
        state, reason, released, remote_id = self.site.rows(query, key)[0]
        return {"state": state, "end_reason": reason, "released_at": released, "remote_id": remote_id}

    def turns(self, key: str) -> list[tuple[str, str]]:
        """Return (role, whole text) in the order of the transcript, with the unheard rest of interrupted answers."""
        query = """SELECT role, text FROM sessions_app_turn WHERE text <> ''
                   AND session_id = (SELECT id FROM sessions_app_avatarsession WHERE key = ?)
                   ORDER BY place, number"""
        return self.site.rows(query, key)

    def interrupted(self, key: str) -> int:
        """Return the number of interrupted answers."""
        query = """SELECT count(*) FROM sessions_app_turn WHERE role = 'avatar' AND interrupted
                   AND session_id = (SELECT id FROM sessions_app_avatarsession WHERE key = ?)"""
        return int(self.site.rows(query, key)[0][0])

    def is_said(self, key: str, text: str) -> bool:
        """Tell whether the avatar's turn with that text is over, also when it was interrupted."""
        query = """SELECT count(*) FROM sessions_app_turn WHERE role = 'avatar' AND text = ? AND ended_at NOT NULL
                   AND session_id = (SELECT id FROM sessions_app_avatarsession WHERE key = ?)"""
        return bool(self.site.rows(query, text, key)[0][0])

    def events(self, key: str, kind: str) -> list[dict[str, Any]]:
        """Return the payloads of the session's events of a kind, oldest first."""
        query = """SELECT payload FROM sessions_app_sessionevent WHERE type = ? AND session_id =
                   (SELECT id FROM sessions_app_avatarsession WHERE key = ?) ORDER BY id"""
        return [json.loads(payload) for (payload,) in self.site.rows(query, kind, key)]

    async def rooms(self) -> dict[str, list[str]]:
        """Return all rooms of our LiveKit with the identities of their participants."""
        async with api.LiveKitAPI(self.livekit.url, self.livekit.key, self.livekit.secret) as lk:
            names = [room.name for room in (await lk.room.list_rooms(api.ListRoomsRequest())).rooms]
            found = {}
            for name in names:
                listed = await lk.room.list_participants(api.ListParticipantsRequest(room=name))
                found[name] = sorted(one.identity for one in listed.participants)
            return found

    async def dispatches(self, room: str) -> list[str]:
        """Return the ids of the dispatches of our agents in a room."""
        async with api.LiveKitAPI(self.livekit.url, self.livekit.key, self.livekit.secret) as lk:
            return [one.id for one in await lk.agent_dispatch.list_dispatch(room) if one.agent_name]

    async def service(self, method: str, path: str, **body: Any) -> Any:
        """Call the simulator and return the answer; of the service's own API only its `data`."""
        async with httpx.AsyncClient(base_url=self.simulator.api_url, headers=KEY, timeout=PATIENCE) as http:
            answer = await http.request(method, path, json=body if method != "GET" else None)
            body = answer.raise_for_status().json()
            return body["data"] if path.startswith("/v1/") else body

    async def open_at_service(self) -> list[str]:
        """Return the ids of the sessions that the service bills."""
        listed = await self.service("GET", "/v1/sessions?type=active")
        return [session["id"] for session in listed["results"]]


async def until(condition: Callable[[], Any], within: float = PATIENCE) -> Any:
    """Poll `condition`, which no event reports, and return its first true answer."""
    async with asyncio.timeout(within):
        while True:
            answer = condition()
            if isinstance(answer, Awaitable):
                answer = await answer
            if answer:
                return answer
            await asyncio.sleep(0.05)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="custom-stage-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def empty_stage(server: str = EMBEDDED, **site: str) -> Iterator[CustomStage]:
    """Simulator and site, with all rooms on `server` and without workers, until the block ends."""
    livekit = rooms_on(server)
    with running_simulator(livekit) as simulator, second_site(simulator, livekit, **site) as stage:
        yield stage


@contextlib.contextmanager
def second_site(simulator: Simulator, livekit: LiveKit | None = None, **site: str) -> Iterator[CustomStage]:
    """Another site for `simulator`, with our rooms on `livekit`, or else where the simulator's are."""
    livekit = livekit or LiveKit(
        simulator.livekit_url, simulator.livekit_api_key, simulator.livekit_api_secret
    )
    settings = {
        "LIVEKIT_URL": livekit.url,
        "LIVEKIT_API_KEY": livekit.key,
        "LIVEKIT_API_SECRET": livekit.secret,
        "PAGE_GRACE": "60",
        **site,
    }
    with _folder() as folder, running_site(folder, simulator.api_url, **settings) as served:
        yield CustomStage(simulator, served, livekit, folder)


@contextlib.asynccontextmanager
async def custom_stage(
    server: str = EMBEDDED,
    *,
    workers: int = 2,
    agent: dict[str, str] | None = None,
    site: dict[str, str] | None = None,
) -> AsyncIterator[CustomStage]:
    """Simulator, site and `workers` agents until the block ends, with all rooms on `server`."""
    with empty_stage(server, **(site or {})) as stage:
        async with stage.crew(workers, **(agent or {})):
            yield stage


def _lines(process: psutil.Process) -> list[Any]:
    try:
        return process.net_connections("tcp")
    except psutil.NoSuchProcess:
        return []


def _read_line(process: subprocess.Popen[bytes], within: float) -> None:
    """Wait for the first line of output. Raises TimeoutError if none comes or the process ends."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(within) or not process.stdout.readline():
            raise TimeoutError
