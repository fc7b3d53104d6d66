"""The room server's routes: signalling, server APIs and the websocket of agent workers."""

import functools
import logging
from collections.abc import Awaitable, Callable

from aiohttp import WSMsgType, web
from google.protobuf.message import DecodeError
from livekit.api.access_token import Claims
from livekit.protocol import models as M
from livekit.protocol import rtc as R

from simulator.room.agency import Agency
from simulator.room.agent_socket import AgentSocket
from simulator.room.aiortc_seams import bind_media_to
from simulator.room.client_requests import obey
from simulator.room.dispatch_service import DispatchService
from simulator.room.grants import Gate, Refused, room_to_join, settings
from simulator.room.participant import Participant
from simulator.room.room_service import RoomService
from simulator.room.rooms import Rooms
from simulator.room.signalling import (
    CLOSE_TIMEOUT,
    FRAME_LIMIT,
    HEARTBEAT,
    BadJoin,
    Invitation,
    Signal,
    read_v0,
    read_v1,
)
from simulator.room.twirp import answering

logger = logging.getLogger(__name__)

ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}

HttpHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class RoomServer:
    """A LiveKit-compatible room server inside an aiohttp application, for development.

    Everything runs on the application's event loop. Media is bound to one address, relayed as RTP and never decoded.
    """

    def __init__(
        self, api_key: str, api_secret: str, host: str = "127.0.0.1", resume_within: float = 15.0
    ) -> None:
        """`host`: the address of media, for all aiortc connections of the process; 0.0.0.0 means all addresses.

        `resume_within`: seconds in which a client that has lost its websocket may resume.
        """
        bind_media_to(host)
        self._gate = Gate(api_key, api_secret)
        self._agency = Agency(self._gate)
        self.rooms = Rooms(self._agency)
        self._resume_within = resume_within

    def add_routes(self, app: web.Application) -> None:
        """Add all routes to `app`. The rooms close when it shuts down."""
        app.router.add_get("/rtc", open_to_any_origin(functools.partial(self._enter, read=read_v0)))
        app.router.add_get("/rtc/v1", open_to_any_origin(functools.partial(self._enter, read=read_v1)))
        app.router.add_get("/rtc/validate", open_to_any_origin(self._validate))
        app.router.add_get("/rtc/v1/validate", open_to_any_origin(self._validate))
        app.router.add_get("/settings/regions", open_to_any_origin(regions))
        for name, methods in (
            ("RoomService", RoomService(self.rooms).methods()),
            ("AgentDispatchService", DispatchService(self.rooms).methods()),
        ):
            service = answering(self._gate, methods)
            app.router.add_post(f"/twirp/livekit.{name}/{{method}}", open_to_any_origin(service))
        workers = AgentSocket(self._gate, self.rooms, self._agency)
        app.router.add_get("/agent", open_to_any_origin(workers.enter))
        app.on_shutdown.append(self._shut_down)

    def lose(self, room_name: str, down: float, up: float) -> None:
        """Drop shares (0 to 1) of a room's media packets: `down` to its clients, `up` from its visitors."""
        room = self.rooms.get(room_name)
        if room is not None:
            room.loss.down, room.loss.up = down, up

    async def close(self) -> None:
        """Close all rooms (SERVER_SHUTDOWN) and all connections. May be called more than once."""
        await self.rooms.close()
        self._agency.close()

    async def _shut_down(self, _app: web.Application) -> None:
        await self.close()

    async def _validate(self, request: web.Request) -> web.Response:
        """Say why a join was refused. Browsers cannot read the answer to a failed upgrade and ask here."""
        self._admit(request)
        return web.Response(text="success")

    async def _enter(
        self, request: web.Request, read: Callable[[web.Request], Invitation]
    ) -> web.StreamResponse:
        claims = self._admit(request)
        invitation = read(request)
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT, timeout=CLOSE_TIMEOUT, max_msg_size=FRAME_LIMIT)
        await socket.prepare(request)
        signal = Signal(request, socket)
        try:
            participant = self._seat(claims, invitation, signal)
            if participant is not None:
                await self._listen(participant, invitation, signal, socket)
            else:
                await signal.closed()
        finally:
            await signal.close()
        return socket

    def _admit(self, request: web.Request) -> Claims:
        """Return the claims of a token whose holder may join now. Raises `Refused`."""
        claims = self._gate.claims(request)
        room = self.rooms.get(room_to_join(claims))
        if room is not None and room.is_full_for(claims.identity):
            raise Refused(429, "the room has reached its max_participants")
        return claims

    def _seat(self, claims: Claims, invitation: Invitation, signal: Signal) -> Participant | None:
        """Join or resume the participant of a websocket. None if it is gone: the client is told to join anew."""
        name = room_to_join(claims)
        if not invitation.resume_sid:
            return self.rooms.open(settings(claims, name)).join(claims, invitation, signal)
        room = self.rooms.get(name)
        participant = room.participants.get(claims.identity) if room else None
        if participant and participant.sid == invitation.resume_sid and participant.peers.alive:
            participant.resume(signal)
            return participant
        leave = R.LeaveRequest(
            reason=M.DisconnectReason.STATE_MISMATCH,
            action=R.LeaveRequest.Action.RECONNECT,
            can_reconnect=True,
        )
        signal.send(R.SignalResponse(leave=leave))
        signal.finish()
        return None

    async def _listen(
        self, participant: Participant, invitation: Invitation, signal: Signal, socket: web.WebSocketResponse
    ) -> None:
        """Handle a client's requests until its websocket closes. A bad request removes only this participant."""
        try:
            if invitation.offer is not None:
                participant.send(answer=await participant.peers.answer(invitation.offer))
            async for message in socket:
                if not participant.present:
                    break
                if message.type is not WSMsgType.BINARY:
                    raise ValueError("a signalling message that is not binary")
                await obey(participant, R.SignalRequest.FromString(message.data))
        except (DecodeError, ValueError) as error:
            participant.fail(f"cannot use its message: {error}")
        except Exception as error:  # aiortc fails in many ways on a bad session description
            if participant.present:
                logger.warning("a request of %s failed", participant.identity, exc_info=error)
                participant.fail(f"cannot use its message: {error!r}")
        finally:
            participant.signal_lost(signal, self._resume_within)
            if not participant.present:
                signal.finish()
                await signal.closed()


async def regions(_request: web.Request) -> web.Response:
    """Answer that there is no other region. livekit-api asks for one after an error."""
    return web.json_response({"regions": []})


def open_to_any_origin(handler: HttpHandler) -> HttpHandler:
    """Answer refusals as plain text, and allow pages of every origin to read the answers.

    Without the header livekit-client cannot tell a bad token from a missing server.
    """

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            response = await handler(request)
        except Refused as refused:
            response = web.Response(status=refused.status, text=refused.why)
        except BadJoin as error:
            response = web.Response(status=400, text=str(error))
        except web.HTTPException as error:  # from aiohttp, for a request that is no websocket upgrade
            error.headers.update(ANY_ORIGIN)
            raise
        if not response.prepared:
            response.headers.update(ANY_ORIGIN)
        return response

    return answer
