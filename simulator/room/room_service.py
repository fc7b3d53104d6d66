"""LiveKit's RoomService, for server SDKs such as livekit-api."""

from livekit.api.access_token import VideoGrants
from livekit.protocol import models as M
from livekit.protocol import room as RM
from livekit.protocol import rtc as R

from simulator.room import data
from simulator.room.client_requests import amend, change_subscriptions
from simulator.room.participant import Participant
from simulator.room.room import Room
from simulator.room.rooms import Rooms
from simulator.room.twirp import Method, TwirpError, may_administer


class RoomService:
    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def methods(self) -> dict[str, Method]:
        """Return the calls by name."""
        return {
            "CreateRoom": Method(RM.CreateRoomRequest, may_create, self.create_room),
            "ListRooms": Method(RM.ListRoomsRequest, may_list, self.list_rooms),
            "DeleteRoom": Method(RM.DeleteRoomRequest, may_create, self.delete_room),
            "UpdateRoomMetadata": Method(
                RM.UpdateRoomMetadataRequest, may_administer, self.update_room_metadata
            ),
            "ListParticipants": Method(RM.ListParticipantsRequest, may_administer, self.list_participants),
            "GetParticipant": Method(RM.RoomParticipantIdentity, may_administer, self.get_participant),
            "RemoveParticipant": Method(RM.RoomParticipantIdentity, may_administer, self.remove_participant),
            "MutePublishedTrack": Method(RM.MuteRoomTrackRequest, may_administer, self.mute_published_track),
            "UpdateParticipant": Method(RM.UpdateParticipantRequest, may_administer, self.update_participant),
            "UpdateSubscriptions": Method(
                RM.UpdateSubscriptionsRequest, may_administer, self.update_subscriptions
            ),
            "SendData": Method(RM.SendDataRequest, may_administer, self.send_data),
        }

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
        room = self._rooms.get(request.room)  # for an unknown room livekit-server returns an empty list, too
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


def may_create(grants: VideoGrants, _request: object) -> bool:
    return bool(grants.room_create)


def may_list(grants: VideoGrants, _request: object) -> bool:
    return bool(grants.room_list)
