"""LiveKit access tokens (HS256 JWTs, made by livekit-api) and the grants in them."""

import datetime
from dataclasses import dataclass, field

import jwt
from aiohttp import web
from livekit.api import AccessToken, TokenVerifier
from livekit.api.access_token import Claims, VideoGrants
from livekit.protocol import agent as A
from livekit.protocol import models as M
from livekit.protocol import room as RM

AGENT_TOKEN_LIFETIME = datetime.timedelta(hours=1)
SOURCES = {
    "camera": M.TrackSource.CAMERA,
    "microphone": M.TrackSource.MICROPHONE,
    "screen_share": M.TrackSource.SCREEN_SHARE,
    "screen_share_audio": M.TrackSource.SCREEN_SHARE_AUDIO,
}


class Refused(Exception):
    """The token does not grant the request. `status` is the HTTP status of livekit-server."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


@dataclass(frozen=True, slots=True)
class Gate:
    """Verifies and makes tokens with the server's key pair."""

    api_key: str
    api_secret: str = field(repr=False)

    def claims(self, request: web.Request) -> Claims:
        """Return the verified claims of a request's token. Raises `Refused` (401), without the token in its text.

        Rust and server SDKs send `Authorization: Bearer`. Browsers cannot set headers on a websocket and send the query
        parameter `access_token`.
        """
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer":
            token = request.query.get("access_token", "")
        if not token:
            raise Refused(
                401, "no access token: send one as a bearer token or in the query parameter access_token"
            )
        try:
            return TokenVerifier(self.api_key, self.api_secret).verify(token)
        except jwt.PyJWTError as error:
            raise Refused(401, f"invalid token: {error}") from error

    def agent_token(self, room: str, agent: A.AvailabilityResponse, allowed: M.ParticipantPermission) -> str:
        """Make the token of an agent: the participant that its worker named, with livekit-server's grants."""
        grants = VideoGrants(
            room_join=True,
            room=room,
            agent=True,
            can_subscribe=allowed.can_subscribe,
            can_publish=allowed.can_publish,
            can_publish_data=allowed.can_publish_data,
            can_update_own_metadata=allowed.can_update_metadata,
            can_subscribe_metrics=allowed.can_subscribe_metrics,
            hidden=allowed.hidden,
        )
        token = AccessToken(self.api_key, self.api_secret).with_identity(agent.participant_identity)
        token = token.with_kind("agent").with_grants(grants).with_ttl(AGENT_TOKEN_LIFETIME)
        token = token.with_name(agent.participant_name).with_metadata(agent.participant_metadata)
        return token.with_attributes(dict(agent.participant_attributes)).to_jwt()


def room_to_join(claims: Claims) -> str:
    """Return the name of the room that the token grants to join. Raises `Refused`."""
    grants = granted(claims)
    if not grants.room_join or not grants.room:
        raise Refused(401, "permissions denied: the token has no roomJoin grant")
    if not claims.identity:
        raise Refused(400, "identity cannot be empty")
    return grants.room


def granted(claims: Claims) -> VideoGrants:
    return claims.video or VideoGrants(can_publish=False, can_subscribe=False, can_publish_data=False)


def settings(claims: Claims, room: str) -> RM.CreateRoomRequest:
    """Return the token's settings for a room that this join creates."""
    wanted = claims.room_config or RM.RoomConfiguration()
    return RM.CreateRoomRequest(
        name=room,
        empty_timeout=wanted.empty_timeout,
        departure_timeout=wanted.departure_timeout,
        max_participants=wanted.max_participants,
        metadata=wanted.metadata,
        agents=wanted.agents,
    )


def permission(grants: VideoGrants) -> M.ParticipantPermission:
    """Return the token's grants as the permissions of a participant, as clients get them."""
    return M.ParticipantPermission(
        can_subscribe=grants.can_subscribe,
        can_publish=grants.can_publish,
        can_publish_data=grants.can_publish_data,
        can_publish_sources=[
            SOURCES[source] for source in grants.can_publish_sources or () if source in SOURCES
        ],
        can_update_metadata=bool(grants.can_update_own_metadata),
        hidden=bool(grants.hidden),
        agent=bool(grants.agent),
    )
