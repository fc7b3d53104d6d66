"""An agent worker that only speaks the protocol; its agents do nothing."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import aiohttp
from livekit import api
from livekit.api.access_token import Claims
from livekit.protocol import agent as A

from rigs.rooms.room_rig import API_KEY, API_SECRET, PATIENCE, RoomRig


class RawWorker:
    """`first` waits for a message of a kind and removes it; others stay queued."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.id = ""
        self._waiting: list[A.ServerMessage] = []

    async def register(self, agent_name: str, **registration: Any) -> None:
        await self.send(register=A.RegisterWorkerRequest(agent_name=agent_name, **registration))
        self.id = (await self.first("register")).worker_id

    async def send(self, **message: Any) -> None:
        await self.socket.send_bytes(A.WorkerMessage(**message).SerializeToString())

    async def first(self, kind: str) -> Any:
        async with asyncio.timeout(PATIENCE):
            while True:
                for message in self._waiting:
                    if message.WhichOneof("message") == kind:
                        self._waiting.remove(message)
                        return getattr(message, kind)
                self._waiting.append(A.ServerMessage.FromString(await self.socket.receive_bytes()))

    async def offer(self) -> A.Job:
        return (await self.first("availability")).job

    async def accept(self, job: A.Job, **answer: Any) -> A.JobAssignment:
        answer = {"participant_identity": f"agent-{job.id}", **answer}
        await self.answer(job, available=True, **answer)
        return await self.first("assignment")

    async def answer(self, job: A.Job, **answer: Any) -> None:
        await self.send(availability=A.AvailabilityResponse(job_id=job.id, **answer))

    async def status(self, **status: Any) -> None:
        """Report a status and wait until the server has read it."""
        await self.send(update_worker=A.UpdateWorkerStatus(**status))
        await self.settle()

    async def ended(self, job: A.Job, status: A.JobStatus) -> None:
        await self.send(update_job=A.UpdateJobStatus(job_id=job.id, status=status))

    async def settle(self) -> None:
        """Wait until the server has read all messages sent so far."""
        await self.send(ping=A.WorkerPing(timestamp=1))
        await self.first("pong")

    async def unread(self) -> list[A.ServerMessage]:
        """Return the messages of the server that no call of `first` has taken."""
        await self.settle()
        return self._waiting

    async def closed(self) -> None:
        """Wait until the server closes the websocket."""
        async with asyncio.timeout(PATIENCE):
            while (await self.socket.receive()).type is aiohttp.WSMsgType.BINARY:
                pass


def worker_token(**grants: Any) -> str:
    grants = grants or {"agent": True}
    return str(api.AccessToken(API_KEY, API_SECRET).with_grants(api.VideoGrants(**grants)).to_jwt())


def claims(assignment: A.JobAssignment) -> Claims:
    return api.TokenVerifier(API_KEY, API_SECRET).verify(assignment.token)


def some_agent() -> str:
    """Return a unique agent name: tests share a server."""
    return f"agent-{uuid4().hex[:8]}"


@contextlib.asynccontextmanager
async def connected_worker(rig: RoomRig) -> AsyncIterator[RawWorker]:
    headers = {"Authorization": f"Bearer {worker_token()}"}
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{rig.http}/agent", headers=headers) as socket,
    ):
        yield RawWorker(socket)


@contextlib.asynccontextmanager
async def raw_worker(rig: RoomRig, agent_name: str, **registration: Any) -> AsyncIterator[RawWorker]:
    async with connected_worker(rig) as worker:
        await worker.register(agent_name, **registration)
        await ready_for_jobs(rig)
        yield worker


async def ready_for_jobs(rig: RoomRig) -> None:
    """Wait until the server offers jobs to a newly registered worker; livekit-server does not report when."""
    if rig.is_real:
        await asyncio.sleep(0.1)
