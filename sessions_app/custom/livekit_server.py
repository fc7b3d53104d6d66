"""Our own LiveKit server: calls for rooms and agent dispatch, and the tokens to join a room."""

import ipaddress
import json
import logging
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from django.conf import settings
from google.protobuf.message import DecodeError
from livekit import api

from sessions_app.clients import PerLoop

logger = logging.getLogger(__name__)

AGENT_NAME = "liveavatar"  # the name under which our agents register
AVATAR = "heygen"  # the identity in the vendor's own rooms; the page treats both rooms alike
TOKEN_MARGIN = timedelta(minutes=10)  # beyond the longest conversation
CALL_WITHIN = 5.0  # seconds
REFUSED = "LIVEKIT_API_KEY is unknown there, or LIVEKIT_API_SECRET does not belong to it"


class LiveKitUnavailable(Exception):
    """The server did not do what it was asked. The text says why and holds no secret."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One dispatch of an agent: its id at the server, and the room that the agent joins."""

    id: str
    room: str


class LiveKitServer:
    """Calls raise LiveKitUnavailable. Removing what does not exist succeeds."""

    def __init__(self, url: str, key: str, secret: str) -> None:
        self._key = key
        self._secret = secret
        self._api = api.LiveKitAPI(url, key, secret, timeout=aiohttp.ClientTimeout(total=CALL_WITHIN))

    async def aclose(self) -> None:
        await self._api.aclose()

    async def open_room(self, room: str, *, empty_for: float) -> None:
        """Create the room. The server deletes it when it has been empty for `empty_for` seconds."""
        request = api.CreateRoomRequest(
            name=room, empty_timeout=round(empty_for), departure_timeout=round(empty_for)
        )
        await self._call("open a room", self._api.room.create_room(request))

    async def delete_room(self, room: str) -> None:
        """Delete the room and disconnect its participants."""
        await self._remove("delete a room", self._api.room.delete_room(api.DeleteRoomRequest(room=room)))

    async def rooms(self) -> list[str]:
        """Return the names of all open rooms of the server, including rooms that are not ours."""
        listed = await self._call("list its rooms", self._api.room.list_rooms(api.ListRoomsRequest()))
        return [room.name for room in listed.rooms]

    async def dispatch(self, room: str, metadata: dict[str, Any]) -> Dispatch:
        """Request an agent for the room. The server accepts a dispatch even when no worker is free."""
        request = api.CreateAgentDispatchRequest(
            agent_name=AGENT_NAME, room=room, metadata=json.dumps(metadata)
        )
        made = await self._call("dispatch an agent", self._api.agent_dispatch.create_dispatch(request))
        return Dispatch(made.id, room)

    async def withdraw(self, dispatch: Dispatch, identity: str) -> None:
        """Delete the dispatch and remove its agent from the room. A deleted room has neither."""
        listed = await self._call(
            "look for a room",
            self._api.room.list_rooms(api.ListRoomsRequest(names=[dispatch.room])),
        )
        if not listed.rooms:
            return  # livekit-server answers "unavailable" after 3 s when asked for dispatches of a missing room
        await self._remove(
            "delete a dispatch", self._api.agent_dispatch.delete_dispatch(dispatch.id, dispatch.room)
        )
        await self._remove(
            "remove an agent",
            self._api.room.remove_participant(
                api.RoomParticipantIdentity(room=dispatch.room, identity=identity)
            ),
        )

    def user_token(self, room: str, identity: str, lifetime: timedelta) -> str:
        """Sign a token with which a visitor may subscribe, publish a microphone and send data."""
        grants = api.VideoGrants(room_join=True, room=room, can_publish_sources=["microphone"])
        return self._token(identity, grants, lifetime)

    def avatar_token(self, room: str, lifetime: timedelta) -> str:
        """Sign the avatar's token. The vendor requires the right to publish audio, video and data."""
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
            # livekit-server answers a wrong key in plain text, without a code.
            why = (
                REFUSED if error.status == HTTPStatus.UNAUTHORIZED else f"{error.code} (HTTP {error.status})"
            )
            raise LiveKitUnavailable(f"LiveKit did not {what}: {why}") from None
        except (aiohttp.ClientError, OSError, TimeoutError, DecodeError) as error:
            why = f"it cannot be reached ({type(error).__name__})"
            raise LiveKitUnavailable(f"LiveKit did not {what}: {why}") from None

    async def _remove(self, what: str, call: Any) -> None:
        await self._call(what, call, tolerate_missing=True)


def _from_settings() -> LiveKitServer:
    return LiveKitServer(settings.LIVEKIT_URL, settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET)


livekit_server = PerLoop(_from_settings)


def is_loopback(url: str) -> bool:
    """Tell whether only this machine can reach the address."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
