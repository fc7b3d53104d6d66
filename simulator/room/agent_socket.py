"""The websocket on which agent workers (livekit-agents) register."""

import asyncio
import logging
import time

from aiohttp import WSMessage, WSMsgType, web
from google.protobuf.message import DecodeError
from livekit.protocol import agent as A

from simulator.room.agency import Agency
from simulator.room.agent_worker import Worker
from simulator.room.grants import Gate, Refused, granted
from simulator.room.rooms import SERVER_INFO, Rooms
from simulator.room.signalling import CLOSE_TIMEOUT, FRAME_LIMIT, HEARTBEAT, Signal

logger = logging.getLogger(__name__)

REGISTER_WITHIN = 10.0  # seconds


class AgentSocket:
    """`GET /agent`: one websocket per worker. Workers send `WorkerMessage`s, the server `ServerMessage`s."""

    def __init__(self, gate: Gate, rooms: Rooms, agency: Agency) -> None:
        self._gate = gate
        self._rooms = rooms
        self._agency = agency

    async def enter(self, request: web.Request) -> web.StreamResponse:
        """Serve one worker until it disconnects. Raises `Refused`."""
        if not granted(self._gate.claims(request)).agent:
            raise Refused(401, "permissions denied: the token has no agent grant")
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT, timeout=CLOSE_TIMEOUT, max_msg_size=FRAME_LIMIT)
        if not socket.can_prepare(request):
            raise Refused(404, "agent workers must connect with a websocket")
        await socket.prepare(request)
        signal = Signal(request, socket)
        try:
            await self._serve(socket, signal)
        except (DecodeError, TimeoutError, ValueError) as error:
            logger.warning(
                "agent worker disconnected: %s", error or f"not registered within {REGISTER_WITHIN:g} s"
            )
            signal.finish()
            await signal.closed()
        finally:
            await signal.close()
        return socket

    async def _serve(self, socket: web.WebSocketResponse, signal: Signal) -> None:
        async with asyncio.timeout(REGISTER_WITHIN):
            registration = await registered(socket, signal)
        if registration is None:
            return
        worker = Worker(registration, signal)
        self._register(worker)
        try:
            async for message in socket:
                self._obey(worker, read(message))
        finally:
            logger.info("agent worker %s disconnected", worker.id)
            self._agency.leave(worker)

    def _register(self, worker: Worker) -> None:
        worker.send(register=A.RegisterWorkerResponse(worker_id=worker.id, server_info=SERVER_INFO))
        logger.info("agent worker %s registered as %r", worker.id, worker.role.agent_name)
        self._agency.register(worker)
        for room in self._rooms:
            room.dispatches.fill()

    def _obey(self, worker: Worker, request: A.WorkerMessage) -> None:
        match request.WhichOneof("message"):
            case "availability":
                worker.answered(request.availability)
            case "update_worker":
                self._agency.update(worker, request.update_worker)
            case "update_job":
                self._agency.reported(worker, request.update_job)
            case "migrate_job":
                self._agency.migrated(worker, request.migrate_job)
            case "ping":
                worker.send(pong=pong(request.ping))
            case other:
                raise ValueError(f"unexpected message of a registered worker: {other}")


async def registered(socket: web.WebSocketResponse, signal: Signal) -> A.RegisterWorkerRequest | None:
    """Return a worker's registration; None if it disconnects first. Raises ValueError for other messages but pings."""
    async for message in socket:
        request = read(message)
        match request.WhichOneof("message"):
            case "register" if request.register.type in A.JobType.values():
                return request.register
            case "register":
                raise ValueError(f"unknown job type {request.register.type} in the registration")
            case "ping":
                signal.send(A.ServerMessage(pong=pong(request.ping)))
            case other:
                raise ValueError(f"message before the registration: {other}")
    return None


def read(message: WSMessage) -> A.WorkerMessage:
    if message.type is not WSMsgType.BINARY:
        raise ValueError("a message that is not binary")
    return A.WorkerMessage.FromString(message.data)


def pong(ping: A.WorkerPing) -> A.WorkerPong:
    return A.WorkerPong(last_timestamp=ping.timestamp, timestamp=int(time.time() * 1000))
