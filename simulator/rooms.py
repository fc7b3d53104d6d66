"""The LiveKit server sessions meet in. Any will do: only its URL, key and secret are known here."""

import asyncio
import json
from datetime import timedelta
from typing import Literal
from uuid import uuid4

import aiohttp
from livekit import api

from simulator.session import EndReason

AVATAR_IDENTITY = "heygen"
EVENT_TOPIC = "agent-response"
# A room nobody joins or all have left; the session's own end deletes it much earlier.
EMPTY_TIMEOUT_S = 60
# Messages and the news that the room is gone travel on separate connections; the latter would overtake.
LAST_MESSAGE_S = 0.5
TOKEN_MARGIN = timedelta(minutes=10)


class RoomsUnavailable(Exception):
    """The LiveKit server did not do what it was asked; the text says why."""


class Rooms:
    """Creates and deletes a room per session and hands out the tokens to join it."""

    def __init__(self, url: str, key: str, secret: str) -> None:
        self.url = url
        self._key = key
        self._secret = secret
        self._api = api.LiveKitAPI(url, key, secret)

    async def create(self, session_id: str) -> None:
        """Open the session's room. Raises RoomsUnavailable."""
        request = api.CreateRoomRequest(name=session_id, empty_timeout=EMPTY_TIMEOUT_S)
        try:
            await self._api.room.create_room(request)
        except (api.TwirpError, aiohttp.ClientError, TimeoutError) as error:
            raise RoomsUnavailable(f"the room server did not open a room ({error})") from error

    async def delete(self, session_id: str) -> None:
        """Remove everybody and the room; a room that is gone already is fine. Raises RoomsUnavailable."""
        try:
            await self._api.room.delete_room(api.DeleteRoomRequest(room=session_id))
        except api.TwirpError as error:
            if error.code != api.TwirpErrorCode.NOT_FOUND:
                raise RoomsUnavailable(f"the room server did not delete a room ({error})") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise RoomsUnavailable(f"the room server did not delete a room ({error})") from error

    async def announce_end(self, session_id: str, reason: EndReason) -> None:
        """Send `session.stopped` in place of an agent that cannot, and let it arrive. Raises RoomsUnavailable.

        Both spellings of the reason are sent: the documentation names `end_reason`, web SDK 0.0.18 reads
        `stop_reason`.
        """
        event = {
            "event_id": str(uuid4()),
            "event_type": "session.stopped",
            "session_id": session_id,
            "source_event_id": None,
            "end_reason": reason,
            "stop_reason": reason,
        }
        request = api.SendDataRequest(
            room=session_id,
            data=json.dumps(event).encode(),
            kind=api.DataPacket.Kind.RELIABLE,
            topic=EVENT_TOPIC,
        )
        try:
            await self._api.room.send_data(request)
            await asyncio.sleep(LAST_MESSAGE_S)
        except (api.TwirpError, aiohttp.ClientError, TimeoutError) as error:
            raise RoomsUnavailable(f"the room server did not pass on session.stopped ({error})") from error

    async def close(self) -> None:
        """Close the connections to the server; its rooms stay."""
        await self._api.aclose()

    def visitor_token(self, session_id: str, lifetime: float) -> str:
        """Lets the user join, speak and send commands. `lifetime` is the session's longest duration in seconds."""
        grants = api.VideoGrants(room_join=True, room=session_id, can_publish_sources=["microphone"])
        return self._token(f"client-{uuid4().hex[:8]}", grants, lifetime, "standard")

    def avatar_token(self, session_id: str, lifetime: float) -> str:
        """For the participant with the face and the voice.

        Its kind is not STANDARD: livekit-agents listens to the first STANDARD participant it finds.
        """
        grants = api.VideoGrants(room_join=True, room=session_id)
        return self._token(AVATAR_IDENTITY, grants, lifetime, "agent")

    def agent_token(self, session_id: str, lifetime: float) -> str:
        """For the participant that hears the user and exchanges events. Web SDK 0.0.18 waits for this identity."""
        grants = api.VideoGrants(room_join=True, room=session_id)
        return self._token(f"liveavatar-agent-{session_id}", grants, lifetime, "agent")

    def _token(
        self, identity: str, grants: api.VideoGrants, lifetime: float, kind: Literal["standard", "agent"]
    ) -> str:
        token = api.AccessToken(self._key, self._secret).with_identity(identity).with_grants(grants)
        return token.with_kind(kind).with_ttl(timedelta(seconds=lifetime) + TOKEN_MARGIN).to_jwt()
