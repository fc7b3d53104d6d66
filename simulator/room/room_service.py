"""LiveKit's RoomService (Twirp over HTTP), for server SDKs such as livekit-api."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from livekit.api.access_token import VideoGrants
from livekit.protocol import models as M
from livekit.protocol import room as RM
from livekit.protocol import rtc as R

from simulator.room import data
from simulator.room.client_requests import amend, change_subscriptions
from simulator.room.grants import Gate, Refused, granted
from simulator.room.participant import Participant
from simulator.room.room import Room
from simulator.room.rooms import Rooms

STATUS = {  # of Twirp's error codes, https://twitchtv.github.io/twirp/docs/spec_v7.html
    "bad_route": 404,
    "failed_precondition": 412,
    "invalid_argument": 400,
    "malformed": 400,
    "not_found": 404,
    "unauthenticated": 401,
}


class TwirpError(Exception):
    """Answered as Twirp's JSON error. `code` is a key of `STATUS`."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why

    def response(self) -> web.Response:
        return web.json_response({"code": self.code, "msg": self.why}, status=STATUS[self.code])


@dataclass(frozen=True, slots=True)
class Method:
    """One call: the message it takes, the grant it needs, what it does."""

    request: type[Message]
    grant: Callable[[VideoGrants, Any], bool]
    act: Callable[["RoomService", Any], Message]


class RoomService:
    """The methods by name are in `METHODS`, at the end."""

    def __init__(self, gate: Gate, rooms: Rooms) -> None:
        self._gate = gate
        self._rooms = rooms

    async def call(self, http: web.Request) -> web.Response:
        """Answer one call, in protobuf or JSON as it came."""
        try:
            return self._answer(http, await http.read())
        except TwirpError as error:
            return error.response()

    def create_room(self, request: RM.CreateRoomRequest) -> M.Room:
        if not request.name:
            raise TwirpError("invalid_argument", "no room name")
        return self._rooms.open(request).info

    def list_rooms(self, request: RM.ListRoomsRequest) -> RM.ListRoomsResponse:
        wanted = [room.info for room in self._rooms if not request.names or room.name in request.names]
        return RM.ListRoomsResponse(rooms=wanted)

    def delete_room(self, request: RM.DeleteRoomRequest) -> RM.DeleteRoomResponse:
        self._rooms.delete(self._room(request.room), M.DisconnectReason.ROOM_DELETED)
        return RM.DeleteRoomResponse()

    def update_room_metadata(self, request: RM.UpdateRoomMetadataRequest) -> M.Room:
        room = self._room(request.room)
        room.set_metadata(request.metadata)
        return room.info

    def list_participants(self, request: RM.ListParticipantsRequest) -> RM.ListParticipantsResponse:
        room = self._rooms.get(request.room)  # livekit-server too lists nobody in a room that is not there
        inside = room.participants.values() if room else ()
        return RM.ListParticipantsResponse(participants=[participant.info for participant in inside])

    def get_participant(self, request: RM.RoomParticipantIdentity) -> M.ParticipantInfo:
        return self._participant(request.room, request.identity).info

    def remove_participant(self, request: RM.RoomParticipantIdentity) -> RM.RemoveParticipantResponse:
        participant = self._participant(request.room, request.identity)
        participant.room.depart(participant, M.DisconnectReason.PARTICIPANT_REMOVED)
        return RM.RemoveParticipantResponse()

    def mute_published_track(self, request: RM.MuteRoomTrackRequest) -> RM.MuteRoomTrackResponse:
        if not request.muted:
            raise TwirpError("failed_precondition", "remote unmute not enabled")
        participant = self._participant(request.room, request.identity)
        track = participant.mute(request.track_sid, muted=True)
        if track is None:
            raise TwirpError("not_found", "track is not found")
        participant.send(mute=R.MuteTrackRequest(sid=request.track_sid, muted=True))
        return RM.MuteRoomTrackResponse(track=track)

    def update_participant(self, request: RM.UpdateParticipantRequest) -> M.ParticipantInfo:
        participant = self._participant(request.room, request.identity)

        def change(info: M.ParticipantInfo) -> None:
            amend(info, request.name, request.metadata, dict(request.attributes))
            if request.HasField("permission"):
                info.permission.CopyFrom(request.permission)

        participant.update(change)
        return participant.info

    def update_subscriptions(self, request: RM.UpdateSubscriptionsRequest) -> RM.UpdateSubscriptionsResponse:
        participant = self._participant(request.room, request.identity)
        change_subscriptions(
            participant,
            R.UpdateSubscription(
                track_sids=request.track_sids,
                participant_tracks=request.participant_tracks,
                subscribe=request.subscribe,
            ),
        )
        return RM.UpdateSubscriptionsResponse()

    def send_data(self, request: RM.SendDataRequest) -> RM.SendDataResponse:
        user = M.UserPacket(
            payload=request.data,
            destination_sids=request.destination_sids,
            destination_identities=request.destination_identities,
            nonce=request.nonce,
        )
        if request.HasField("topic"):
            user.topic = request.topic
        packet = M.DataPacket(kind=request.kind, user=user)
        data.forward(self._room(request.room), packet, data.label_of(request.kind), sender=None)
        return RM.SendDataResponse()

    def _answer(self, http: web.Request, body: bytes) -> web.Response:
        method = METHODS.get(http.match_info["method"])
        if method is None:
            raise TwirpError("bad_route", f"no such method: {http.match_info['method']}")
        as_json = http.content_type == "application/json"
        request = read(method.request, body, as_json)
        try:
            grants = granted(self._gate.claims(http))
        except Refused as refused:
            raise TwirpError("unauthenticated", refused.why) from refused
        if not method.grant(grants, request):
            raise TwirpError("unauthenticated", "permissions denied")  # 401 too in livekit-server, not 403
        return write(method.act(self, request), as_json)

    def _room(self, name: str) -> Room:
        room = self._rooms.get(name)
        if room is None:
            raise TwirpError("not_found", "requested room does not exist")
        return room

    def _participant(self, room: str, identity: str) -> Participant:
        participant = self._room(room).participants.get(identity)
        if participant is None:
            raise TwirpError("not_found", "participant does not exist")
        return participant


def read(kind: type[Message], body: bytes, as_json: bool) -> Message:
    """A call's message. Raises `TwirpError`."""
    try:
        return (
            json_format.Parse(body or b"{}", kind(), ignore_unknown_fields=True)
            if as_json
            else kind.FromString(body)
        )
    except (json_format.ParseError, DecodeError, UnicodeDecodeError) as error:
        raise TwirpError("malformed", f"the request cannot be read: {error}") from error


def write(message: Message, as_json: bool) -> web.Response:
    if not as_json:
        return web.Response(body=message.SerializeToString(), content_type="application/protobuf")
    text = json_format.MessageToJson(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return web.Response(text=text, content_type="application/json")


def may_create(grants: VideoGrants, _request: Message) -> bool:
    return bool(grants.room_create)


def may_list(grants: VideoGrants, _request: Message) -> bool:
    return bool(grants.room_list)


def may_administer(grants: VideoGrants, request: Any) -> bool:
    """Every other request names its room; the token must name the same."""
    return bool(grants.room_admin) and grants.room == request.room


METHODS = {
    "CreateRoom": Method(RM.CreateRoomRequest, may_create, RoomService.create_room),
    "ListRooms": Method(RM.ListRoomsRequest, may_list, RoomService.list_rooms),
    "DeleteRoom": Method(RM.DeleteRoomRequest, may_create, RoomService.delete_room),
    "UpdateRoomMetadata": Method(
        RM.UpdateRoomMetadataRequest, may_administer, RoomService.update_room_metadata
    ),
    "ListParticipants": Method(RM.ListParticipantsRequest, may_administer, RoomService.list_participants),
    "GetParticipant": Method(RM.RoomParticipantIdentity, may_administer, RoomService.get_participant),
    "RemoveParticipant": Method(RM.RoomParticipantIdentity, may_administer, RoomService.remove_participant),
    "MutePublishedTrack": Method(RM.MuteRoomTrackRequest, may_administer, RoomService.mute_published_track),
    "UpdateParticipant": Method(RM.UpdateParticipantRequest, may_administer, RoomService.update_participant),
    "UpdateSubscriptions": Method(
        RM.UpdateSubscriptionsRequest, may_administer, RoomService.update_subscriptions
    ),
    "SendData": Method(RM.SendDataRequest, may_administer, RoomService.send_data),
}
