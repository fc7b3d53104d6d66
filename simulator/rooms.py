"""The LiveKit server sessions meet in, embedded or not: only its URL, key and secret are known here."""

import asyncio
import json
from datetime import timedelta
from typing import Literal
from uuid import uuid4

import aiohttp
from google.protobuf.message import DecodeError
from livekit import api
from livekit.protocol import models

from simulator.session import EndReason

AVATAR_IDENTITY = "heygen"
EVENT_TOPIC = "agent-response"
# A room nobody joins or all have left, beyond its session's life. For a livekit-server it is empty as well when only
# agents are in it, as the avatar is one; the session's own end deletes it much earlier.
EMPTY_TIMEOUT = timedelta(seconds=60)
# For the first answer of a server that is somewhere else.
ANSWER_WITHIN = aiohttp.ClientTimeout(total=5)
# Messages and the news that the room is gone travel on separate connections; the latter would overtake.
LAST_MESSAGE_S = 0.5
TOKEN_MARGIN = timedelta(minutes=10)


def agent_identity(session_id: str) -> str:
    """Web SDK 0.0.18 waits for exactly this participant."""
    return f"liveavatar-agent-{session_id}"


class RoomsUnavailable(Exception):
    """The LiveKit server did not do what it was asked; the text says why."""


class Rooms:
    """Creates and deletes a room per session and hands out the tokens to join it."""

    def __init__(self, url: str, key: str, secret: str) -> None:
        self.url = url
        self._key = key
        self._secret = secret
        self._api = api.LiveKitAPI(url, key, secret)

    async def check(self) -> None:
        """See whether the server is there and takes our key. Raises RoomsUnavailable, in words for whoever set it."""
        server = api.LiveKitAPI(self.url, self._key, self._secret, timeout=ANSWER_WITHIN)
        try:
            await server.room.list_rooms(api.ListRoomsRequest(names=["none"]))
        except api.TwirpError as error:
            if error.status in (401, 403):
                raise RoomsUnavailable("it does not know this key, or the secret is not the key's") from None
            raise RoomsUnavailable(f"what answers there is no LiveKit server (HTTP {error.status})") from None
        except DecodeError:
            raise RoomsUnavailable("what answers there is no LiveKit server") from None
        except TimeoutError:
            raise RoomsUnavailable(f"it does not answer within {ANSWER_WITHIN.total:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise RoomsUnavailable(f"it cannot be reached ({error})") from None
        finally:
            await server.aclose()

    async def create(self, session_id: str, lifetime: float) -> None:
        """Open the session's room. `lifetime`: the longest it can last, in seconds. Raises RoomsUnavailable."""
        stays = round((timedelta(seconds=lifetime) + EMPTY_TIMEOUT).total_seconds())
        request = api.CreateRoomRequest(name=session_id, empty_timeout=stays, departure_timeout=stays)
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

        Where nobody is left nothing is sent: a livekit-server that is to send to a room it does not have refuses
        after 3 s. Both spellings of the reason are sent: the documentation names `end_reason`, web SDK 0.0.18 reads
        `stop_reason`.
        """
        if not await self.occupants(session_id):
            return
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

    async def occupants(self, session_id: str) -> list[models.ParticipantInfo]:
        """Who is in the session's room; nobody when there is no such room. Raises RoomsUnavailable."""
        try:
            request = api.ListParticipantsRequest(room=session_id)
            return list((await self._api.room.list_participants(request)).participants)
        except api.TwirpError as error:
            if error.code == api.TwirpErrorCode.NOT_FOUND:
                return []
            raise RoomsUnavailable(f"the room server did not say who is in a room ({error})") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise RoomsUnavailable(f"the room server did not say who is in a room ({error})") from error

    async def remove(self, session_id: str, identity: str) -> None:
        """Put a participant out of the session's room; one that is gone already is fine. Raises RoomsUnavailable."""
        try:
            await self._api.room.remove_participant(
                api.RoomParticipantIdentity(room=session_id, identity=identity)
            )
        except api.TwirpError as error:
            if error.code != api.TwirpErrorCode.NOT_FOUND:
                raise RoomsUnavailable(f"the room server did not remove {identity} ({error})") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise RoomsUnavailable(f"the room server did not remove {identity} ({error})") from error

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
        return self._token(agent_identity(session_id), grants, lifetime, "agent")

    def _token(
        self, identity: str, grants: api.VideoGrants, lifetime: float, kind: Literal["standard", "agent"]
    ) -> str:
        token = api.AccessToken(self._key, self._secret).with_identity(identity).with_grants(grants)
        return token.with_kind(kind).with_ttl(timedelta(seconds=lifetime) + TOKEN_MARGIN).to_jwt()
