"""Client of the LiveKit server that hosts the sessions' rooms, embedded or external."""

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
# How long the server keeps an empty room beyond the session's longest duration. livekit-server counts a room with only
# agents in it, such as the avatar, as empty. Normally the end of the session deletes the room.
EMPTY_TIMEOUT = timedelta(seconds=60)
# Timeout of the check at the start.
ANSWER_WITHIN = aiohttp.ClientTimeout(total=5)
# Data packets and the notice that the room is gone take separate connections. The pause lets the data arrive first.
LAST_MESSAGE_S = 0.5
TOKEN_MARGIN = timedelta(minutes=10)


def agent_identity(session_id: str) -> str:
    """Return the identity of the session's agent. Web SDK 0.0.18 waits for exactly this participant."""
    return f"liveavatar-agent-{session_id}"


class RoomsUnavailable(Exception):
    """A request to the LiveKit server failed. The text says why."""


class Rooms:
    """Creates and deletes the room of each session and signs the tokens to join it."""

    def __init__(self, url: str, key: str, secret: str) -> None:
        self.url = url
        self._key = key
        self._secret = secret
        self._api = api.LiveKitAPI(url, key, secret)

    async def check(self) -> None:
        """Check that the server answers and accepts the key. Raises RoomsUnavailable with a text for the operator."""
        server = api.LiveKitAPI(self.url, self._key, self._secret, timeout=ANSWER_WITHIN)
        try:
            await server.room.list_rooms(api.ListRoomsRequest(names=["none"]))
        except api.TwirpError as error:
            if error.status in (401, 403):
                raise RoomsUnavailable(
                    "it does not know this key, or the secret does not match the key"
                ) from None
            raise RoomsUnavailable(f"it is not a LiveKit server (HTTP {error.status})") from None
        except DecodeError:
            raise RoomsUnavailable("it is not a LiveKit server") from None
        except TimeoutError:
            raise RoomsUnavailable(f"it does not answer within {ANSWER_WITHIN.total:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise RoomsUnavailable(f"it cannot be reached ({error})") from None
        finally:
            await server.aclose()

    async def create(self, session_id: str, lifetime: float) -> None:
        """Create the session's room. `lifetime`: the longest duration in seconds. Raises RoomsUnavailable."""
        stays = round((timedelta(seconds=lifetime) + EMPTY_TIMEOUT).total_seconds())
        request = api.CreateRoomRequest(name=session_id, empty_timeout=stays, departure_timeout=stays)
        try:
            await self._api.room.create_room(request)
        except (api.TwirpError, aiohttp.ClientError, TimeoutError) as error:
            raise RoomsUnavailable(f"the room server did not create a room ({error})") from error

    async def delete(self, session_id: str) -> None:
        """Delete the room and disconnect its participants. A missing room is no error. Raises RoomsUnavailable."""
        try:
            await self._api.room.delete_room(api.DeleteRoomRequest(room=session_id))
        except api.TwirpError as error:
            if error.code != api.TwirpErrorCode.NOT_FOUND:
                raise RoomsUnavailable(f"the room server did not delete a room ({error})") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise RoomsUnavailable(f"the room server did not delete a room ({error})") from error

    async def announce_end(self, session_id: str, reason: EndReason) -> None:
        """Send `session.stopped` on behalf of an agent that is gone, and wait for delivery. Raises RoomsUnavailable.

        Send nothing to an empty room: livekit-server takes 3 s to refuse data for a room that does not exist. The
        event has both spellings of the reason: the documentation names `end_reason`, web SDK 0.0.18 reads
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
            raise RoomsUnavailable(f"the room server did not deliver session.stopped ({error})") from error

    async def occupants(self, session_id: str) -> list[models.ParticipantInfo]:
        """Return the participants of the session's room; none if there is no room. Raises RoomsUnavailable."""
        try:
            request = api.ListParticipantsRequest(room=session_id)
            return list((await self._api.room.list_participants(request)).participants)
        except api.TwirpError as error:
            if error.code == api.TwirpErrorCode.NOT_FOUND:
                return []
            raise RoomsUnavailable(f"the room server did not list a room's participants ({error})") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise RoomsUnavailable(f"the room server did not list a room's participants ({error})") from error

    async def remove(self, session_id: str, identity: str) -> None:
        """Remove a participant from the session's room. A missing one is no error. Raises RoomsUnavailable."""
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
        """Close the connections to the server. Does not delete rooms."""
        await self._api.aclose()

    def visitor_token(self, session_id: str, lifetime: float) -> str:
        """Return the user's token: join, publish a microphone, send commands.

        `lifetime` is the session's longest duration in seconds, here and in the other token functions.
        """
        grants = api.VideoGrants(room_join=True, room=session_id, can_publish_sources=["microphone"])
        return self._token(f"client-{uuid4().hex[:8]}", grants, lifetime, "standard")

    def avatar_token(self, session_id: str, lifetime: float) -> str:
        """Return the token of the avatar, the participant that publishes video and voice.

        Its kind is AGENT: livekit-agents takes the first STANDARD participant for the user.
        """
        grants = api.VideoGrants(room_join=True, room=session_id)
        return self._token(AVATAR_IDENTITY, grants, lifetime, "agent")

    def agent_token(self, session_id: str, lifetime: float) -> str:
        """Return the token of the agent, the participant that hears the user and exchanges events."""
        grants = api.VideoGrants(room_join=True, room=session_id)
        return self._token(agent_identity(session_id), grants, lifetime, "agent")

    def _token(
        self, identity: str, grants: api.VideoGrants, lifetime: float, kind: Literal["standard", "agent"]
    ) -> str:
        token = api.AccessToken(self._key, self._secret).with_identity(identity).with_grants(grants)
        return token.with_kind(kind).with_ttl(timedelta(seconds=lifetime) + TOKEN_MARGIN).to_jwt()
