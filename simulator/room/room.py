"""A room: its participants, its tracks and the updates that participants get."""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

from livekit.api.access_token import Claims
from livekit.protocol import models as M
from livekit.protocol import room as RM
from livekit.protocol import rtc as R

from simulator.room import speakers
from simulator.room.agency import Agency
from simulator.room.dispatch import Dispatches
from simulator.room.participant import Participant
from simulator.room.relay import Loss
from simulator.room.sids import sid
from simulator.room.signalling import Invitation, Signal
from simulator.room.track import Track

EMPTY_TIMEOUT = 300  # seconds that a room stays open before the first join, livekit-server's default
DEPARTURE_TIMEOUT = 20  # seconds that a room stays open after the last leave, livekit-server's default
PING_INTERVAL, PING_TIMEOUT = 5, 15  # seconds, sent to clients; the Rust SDK panics on 0
CODECS = [M.Codec(mime=mime) for mime in ("video/VP8", "video/H264", "audio/opus")]


class Room:
    """Created and deleted by `Rooms`. All methods are synchronous, so that its state is always consistent."""

    def __init__(
        self,
        request: RM.CreateRoomRequest,
        server_info: M.ServerInfo,
        agency: Agency,
        on_expired: Callable[["Room"], None],
        on_task: Callable[[asyncio.Task[None]], None],
    ) -> None:
        """`on_expired` is called when the room has been empty for too long. `on_task` takes over tasks that outlive
        their participant."""
        self.name = request.name
        self.server_info = server_info
        self.participants: dict[str, Participant] = {}  # by identity
        self.loss = Loss()
        now = time.time()
        self._info = M.Room(
            sid=sid("RM"),
            name=request.name,
            empty_timeout=request.empty_timeout or EMPTY_TIMEOUT,
            departure_timeout=request.departure_timeout or DEPARTURE_TIMEOUT,
            max_participants=request.max_participants,
            creation_time=int(now),
            creation_time_ms=int(now * 1000),
            metadata=request.metadata,
            enabled_codecs=CODECS,
        )
        self._on_expired = on_expired
        self.own = on_task
        self._expiry: asyncio.TimerHandle | None = None
        self._speakers = asyncio.create_task(speakers.watch(self), name=f"speakers of {self.name}")
        self._expire_in(self._info.empty_timeout)
        self.dispatches = Dispatches(self, request.agents, agency)

    @property
    def info(self) -> M.Room:
        self._info.num_participants = len(self.participants)
        self._info.num_publishers = sum(
            bool(participant.tracks) for participant in self.participants.values()
        )
        return self._info

    def is_full_for(self, identity: str) -> bool:
        limit = self._info.max_participants
        counted = sum(not participant.dependent for participant in self.participants.values())
        return bool(limit) and identity not in self.participants and counted >= limit

    def join(self, claims: Claims, invitation: Invitation, signal: Signal) -> Participant:
        """Add a participant. An earlier one with the same identity leaves first, or clients would mix them up."""
        before = self.participants.get(claims.identity)
        if before is not None:
            self.depart(before, M.DisconnectReason.DUPLICATE_IDENTITY)
        participant = Participant(self, claims, invitation, signal)
        self.participants[participant.identity] = participant
        if not participant.dependent:
            self._stay()
        participant.send(join=self._welcome(participant))
        self.tell(participant, but=participant)
        for request in invitation.tracks:
            participant.announce(request)
        for track in self.tracks():
            participant.offer(track)
        participant.peers.start()
        self.dispatches.fill()
        return participant

    def depart(self, participant: Participant, reason: M.DisconnectReason) -> None:
        """Remove a participant and tell the others, before its connection closes."""
        if not participant.present:
            return
        del self.participants[participant.identity]
        for track in participant.tracks.values():
            self.withdraw(track)
        participant.info.state = M.ParticipantInfo.State.DISCONNECTED
        participant.info.disconnect_reason = reason
        participant.info.version += 1
        self.tell(participant)
        participant.part(reason)
        self.own(asyncio.create_task(participant.close(), name=f"close {participant.identity}"))
        self.dispatches.participant_left(participant)
        if self._expiry is None and self._is_deserted():
            self._expire_in(self._info.departure_timeout)

    def close(self, reason: M.DisconnectReason) -> None:
        """Remove all participants with `reason`."""
        self.dispatches.close()
        for participant in list(self.participants.values()):
            self.depart(participant, reason)
        self._stay()
        self._speakers.cancel()
        self.own(self._speakers)

    def tracks(self) -> Iterator[Track]:
        for participant in list(self.participants.values()):
            yield from list(participant.tracks.values())

    def track(self, track_sid: str) -> Track | None:
        return next((track for track in self.tracks() if track.sid == track_sid), None)

    def offer_to_all(self, track: Track) -> None:
        for participant in list(self.participants.values()):
            participant.offer(track)

    def recode(self, track: Track) -> None:
        for participant in list(self.participants.values()):
            participant.peers.recode(track)

    def withdraw(self, track: Track) -> None:
        for participant in list(self.participants.values()):
            participant.unsubscribe(track.sid)

    def others(self, participant: Participant) -> list[M.ParticipantInfo]:
        """Return the infos of the other participants that are not hidden."""
        return [
            other.info
            for other in self.participants.values()
            if other is not participant and not other.info.permission.hidden
        ]

    def tell(self, participant: Participant, but: Participant | None = None) -> None:
        """Send the info of one participant to all but `but`. A hidden one is sent only to itself."""
        update = R.SignalResponse(update=R.ParticipantUpdate(participants=[participant.info]))
        for receiver in list(self.participants.values()):
            visible = receiver is participant or not participant.info.permission.hidden
            if visible and receiver is not but:
                receiver.send(update=update.update)

    def tell_quality(self, newcomer: Participant) -> None:
        """Report excellent connection quality (loopback): of all to the newcomer, and of the newcomer to all."""
        of_all = [quality(sid=participant.sid) for participant in self.participants.values()]
        for receiver in list(self.participants.values()):
            updates = of_all if receiver is newcomer else [quality(sid=newcomer.sid)]
            receiver.send(connection_quality=R.ConnectionQualityUpdate(updates=updates))

    def set_metadata(self, metadata: str) -> None:
        self._info.metadata = metadata
        self.broadcast(room_update=R.RoomUpdate(room=self.info))

    def broadcast(self, **message: Any) -> None:
        for participant in list(self.participants.values()):
            participant.send(**message)

    def _welcome(self, participant: Participant) -> R.JoinResponse:
        return R.JoinResponse(
            room=self.info,
            participant=participant.info,
            other_participants=self.others(participant),
            server_version=self.server_info.version,
            server_info=self.server_info,
            subscriber_primary=participant.peers.subscriber_primary,
            ping_interval=PING_INTERVAL,
            ping_timeout=PING_TIMEOUT,
            fast_publish=True,
            enabled_publish_codecs=CODECS,
        )

    def _is_deserted(self) -> bool:
        """Return whether only dispatched agents are left; they do not keep a room open."""
        return all(participant.dependent for participant in self.participants.values())

    def _stay(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    def _expire_in(self, seconds: float) -> None:
        self._expiry = asyncio.get_running_loop().call_later(seconds, self._on_expired, self)


def quality(sid: str) -> R.ConnectionQualityInfo:
    return R.ConnectionQualityInfo(participant_sid=sid, quality=M.ConnectionQuality.EXCELLENT, score=5)
