"""Our own LiveKit server, whichever it is: rooms of ours, the tokens to join them, and the dispatch of agents."""

import asyncio
import ipaddress
import json
import logging
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import aiohttp
from django.conf import settings
from google.protobuf.message import DecodeError
from livekit import api

logger = logging.getLogger(__name__)

AGENT_NAME = "liveavatar"  # the name agents of ours register by
AVATAR = "heygen"  # as in the service's own rooms, so that a page need not tell the two apart
TOKEN_MARGIN = timedelta(minutes=10)  # beyond the longest conversation
CALL_WITHIN = 5.0  # seconds
REFUSED = "it does not know LIVEKIT_API_KEY, or LIVEKIT_API_SECRET is not the key's"


class LiveKitUnavailable(Exception):
    """The server did not do what it was asked; the text says why and holds no secret."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """An agent was asked for: `id` at the server, in the room where it appears."""

    id: str
    room: str


class LiveKit:
    """Calls raise LiveKitUnavailable; what is gone already counts as removed."""

    def __init__(self, url: str, key: str, secret: str) -> None:
        self._key = key
        self._secret = secret
        self._api = api.LiveKitAPI(url, key, secret, timeout=aiohttp.ClientTimeout(total=CALL_WITHIN))

    async def aclose(self) -> None:
        await self._api.aclose()

    async def open_room(self, room: str, *, empty_for: float) -> None:
        """Make the room now. It goes by itself when nobody joins, or all have left, for `empty_for` seconds."""
        request = api.CreateRoomRequest(
            name=room, empty_timeout=round(empty_for), departure_timeout=round(empty_for)
        )
        await self._call("open a room", self._api.room.create_room(request))

    async def delete_room(self, room: str) -> None:
        """Everybody leaves, and the room is gone."""
        await self._remove("delete a room", self._api.room.delete_room(api.DeleteRoomRequest(room=room)))

    async def rooms(self) -> list[str]:
        """The names of all rooms that are open, also other people's."""
        listed = await self._call("list its rooms", self._api.room.list_rooms(api.ListRoomsRequest()))
        return [room.name for room in listed.rooms]

    async def dispatch(self, room: str, metadata: dict[str, Any]) -> Dispatch:
        """Ask for an agent in the room. That one comes is not promised: nobody may be free."""
        request = api.CreateAgentDispatchRequest(
            agent_name=AGENT_NAME, room=room, metadata=json.dumps(metadata)
        )
        made = await self._call("dispatch an agent", self._api.agent_dispatch.create_dispatch(request))
        return Dispatch(made.id, room)

    async def recall(self, dispatch: Dispatch, identity: str) -> None:
        """Take the dispatch back, and put out the agent that came for it. With a room that is gone both are."""
        listed = await self._call(
            "say whether a room is there",
            self._api.room.list_rooms(api.ListRoomsRequest(names=[dispatch.room])),
        )
        if not listed.rooms:
            return  # asked about such a room's dispatches, a livekit-server calls itself unavailable after 3 s
        await self._remove(
            "take back a dispatch", self._api.agent_dispatch.delete_dispatch(dispatch.id, dispatch.room)
        )
        await self._remove(
            "remove an agent",
            self._api.room.remove_participant(
                api.RoomParticipantIdentity(room=dispatch.room, identity=identity)
            ),
        )

    def user_token(self, room: str, identity: str, lifetime: timedelta) -> str:
        """Lets a visitor hear, see, speak and send data; nothing else."""
        grants = api.VideoGrants(room_join=True, room=room, can_publish_sources=["microphone"])
        return self._token(identity, grants, lifetime)

    def avatar_token(self, room: str, lifetime: timedelta) -> str:
        """For the service's avatar: it publishes picture, sound and data, which it insists on."""
        grants = api.VideoGrants(
            room_join=True, room=room, can_publish=True, can_subscribe=True, can_publish_data=True
        )
        return self._token(AVATAR, grants, lifetime, kind="agent")

    def _token(
        self, identity: str, grants: api.VideoGrants, lifetime: timedelta, kind: Any = "standard"
    ) -> str:
        token = api.AccessToken(self._key, self._secret).with_identity(identity).with_grants(grants)
        return token.with_kind(kind).with_ttl(lifetime + TOKEN_MARGIN).to_jwt()

    async def _call(self, what: str, call: Any, *, tolerate_missing: bool = False) -> Any:
        try:
            return await call
        except api.TwirpError as error:
            if tolerate_missing and error.code == api.TwirpErrorCode.NOT_FOUND:
                return None
            # A livekit-server that does not know the caller answers in plain text, without a code.
            why = (
                REFUSED if error.status == HTTPStatus.UNAUTHORIZED else f"{error.code} (HTTP {error.status})"
            )
            raise LiveKitUnavailable(f"LiveKit did not {what}: {why}") from None
        except (aiohttp.ClientError, OSError, TimeoutError, DecodeError) as error:
            why = f"it cannot be reached ({type(error).__name__})"
            raise LiveKitUnavailable(f"LiveKit did not {what}: {why}") from None

    async def _remove(self, what: str, call: Any) -> None:
        await self._call(what, call, tolerate_missing=True)


_servers: WeakKeyDictionary[asyncio.AbstractEventLoop, LiveKit] = WeakKeyDictionary()


def livekit() -> LiveKit:
    """The client for the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _servers:
        _servers[loop] = LiveKit(settings.LIVEKIT_URL, settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET)
    return _servers[loop]


async def close_livekit() -> None:
    server = _servers.pop(asyncio.get_running_loop(), None)
    if server is not None:
        await server.aclose()


def is_loopback(url: str) -> bool:
    """True for an address that only this machine can reach."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
