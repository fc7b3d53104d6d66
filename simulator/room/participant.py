"""A participant of a room: its info, its published tracks and its subscriptions."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aiortc import RTCRtpTransceiver
from google.protobuf.message import DecodeError
from livekit.api.access_token import Claims
from livekit.protocol import models as M
from livekit.protocol import rtc as R

from simulator.room import data
from simulator.room.dual_peers import DualPeers
from simulator.room.grants import granted, permission
from simulator.room.peers import RELIABLE, Peers
from simulator.room.relay import Source
from simulator.room.sids import sid
from simulator.room.signalling import Invitation, Signal
from simulator.room.single_peers import SinglePeers
from simulator.room.track import Track, announced

if TYPE_CHECKING:
    from simulator.room.room import Room

logger = logging.getLogger(__name__)

# Seconds between the leave message and the end of the peer connection. A browser reports errors to the application if
# its data channels close before it has read the message.
LINGER = 0.3


class Participant:
    """Created by `Room.join` and removed by `Room.depart`. Meanwhile its client may lose and resume its websocket."""

    def __init__(self, room: "Room", claims: Claims, invitation: Invitation, signal: Signal) -> None:
        self.room = room
        self.identity = claims.identity
        self.sid = sid("PA")
        self.auto_subscribe = invitation.auto_subscribe
        self.tracks: dict[str, Track] = {}
        self.received_sequence = 0  # of the last reliable packet; a resuming client asks for it
        now = time.time()
        self.info = M.ParticipantInfo(
            sid=self.sid,
            identity=self.identity,
            name=claims.name,
            metadata=claims.metadata,
            attributes=claims.attributes or {},
            state=M.ParticipantInfo.State.JOINED,
            kind=M.ParticipantInfo.Kind.AGENT if claims.kind == "agent" else M.ParticipantInfo.Kind.STANDARD,
            permission=permission(granted(claims)),
            joined_at=int(now),
            joined_at_ms=int(now * 1000),
            version=1,
        )
        self._signal: Signal | None = signal
        self._grace: asyncio.TimerHandle | None = None
        self._announced: dict[str, M.TrackInfo] = {}  # by cid: announced, but not in an offer yet
        self._codecs: dict[str, str] = {}  # by cid: for example "vp8"; "" if the client named none
        self._subscribed: set[str] = set()
        self.peers: Peers = SinglePeers(self) if invitation.single else DualPeers(self)

    @property
    def present(self) -> bool:
        return self.room.participants.get(self.identity) is self

    @property
    def dependent(self) -> bool:
        """Whether it is a dispatched agent. These do not count as occupants of a room and do not keep it open.

        livekit-server leaves out every participant of kind AGENT; here an avatar keeps the room of its session open.
        """
        return bool(self.info.permission.agent)

    def send(self, **message: Any) -> None:
        """Send one signalling message, under its name in `SignalResponse`. Dropped while there is no websocket."""
        if self._signal is not None:
            self._signal.send(R.SignalResponse(**message))

    # The websocket

    def resume(self, signal: Signal) -> None:
        """Continue on a new websocket. Media and data have not stopped."""
        if self._signal is not None:
            self._signal.finish()
        self._signal = signal
        self._cancel_grace()
        self.send(
            reconnect=R.ReconnectResponse(
                server_info=self.room.server_info, last_message_seq=self.received_sequence
            )
        )
        self.send(update=R.ParticipantUpdate(participants=[self.info, *self.room.others(self)]))
        self.peers.resumed()

    def signal_lost(self, signal: Signal, grace: float) -> None:
        """The websocket closed without a leave request. The client has `grace` seconds to resume."""
        if self._signal is not signal or not self.present:
            return
        self._signal = None
        if signal.overflowed or not self.peers.alive:
            self.fail("websocket lost")
        else:
            self._grace = asyncio.get_running_loop().call_later(
                grace, self.fail, f"not resumed within {grace:g} s"
            )

    def connection_lost(self) -> None:
        """A peer connection has ended. While the websocket is open the client decides; it will join anew."""
        if self._signal is None:
            self.fail("peer connection lost")

    def fail(self, why: str) -> None:
        """Remove this participant because of what its client did or failed to do."""
        if self.present:
            logger.info("room %s: %s removed: %s", self.room.name, self.identity, why)
            self.room.depart(self, M.DisconnectReason.SIGNAL_CLOSE)

    def part(self, reason: M.DisconnectReason) -> None:
        """Send the leave message. The room calls it once and then awaits `close`."""
        self._cancel_grace()
        for track in self.tracks.values():
            track.source.close()
        if self._signal is not None:
            self.send(leave=R.LeaveRequest(reason=reason, action=R.LeaveRequest.Action.DISCONNECT))
            self._signal.finish()

    async def close(self) -> None:
        """Close the peer connections when the client has had time to read the leave message."""
        if self._signal is not None:
            await self._signal.closed()
            await asyncio.sleep(LINGER)
        await self.peers.close()

    # What it publishes

    def announce(self, request: R.AddTrackRequest) -> None:
        """Answer `add_track`. The track itself arrives with the next offer."""
        if not self._may_publish(request.source):
            logger.info("room %s: %s may not publish %s", self.room.name, self.identity, request.name)
            refusal = R.RequestResponse(reason=R.RequestResponse.NOT_ALLOWED, add_track=request)
            self.send(request_response=refusal)
            return
        track = announced(request)
        self._announced[request.cid] = track
        self._codecs[request.cid] = request.simulcast_codecs[0].codec if request.simulcast_codecs else ""
        self.send(track_published=R.TrackPublishedResponse(cid=request.cid, track=track))

    def announced_codec(self, cid: str) -> str | None:
        """Return the codec announced for a track ("" if none was named); None without an announcement or permission."""
        info = self._announced.get(cid)
        return self._codecs[cid] if info is not None and self._may_publish(info.source) else None

    def publish(self, cid: str, transceiver: RTCRtpTransceiver) -> None:
        """Publish an announced track, which the client begins to send."""
        info = self._announced.pop(cid)
        track = Track(
            info, self, Source(transceiver, self.room.loss, self.info.kind == M.ParticipantInfo.Kind.STANDARD)
        )
        info.mime_type = track.source.codec.mimeType
        info.mid = transceiver.mid or ""
        if track.source.kind == "video":
            info.codecs.add(mime_type=info.mime_type, mid=info.mid, cid=cid, layers=info.layers)
        if not self.present:
            return  # removed while its offer was processed
        self.tracks[cid] = track
        self.tell_all()
        self.room.offer_to_all(track)
        self.room.dispatches.fill()

    def keep_publishing(self, cid: str, transceiver: RTCRtpTransceiver) -> None:
        """Take a published track from a new offer, in which its codec may change.

        When a Rust SDK publishes two tracks at once, its first offer may precede the codec preference of the second.
        """
        track = self.tracks.get(cid)
        if track is None or not track.source.recode():
            return
        track.info.mime_type = track.source.codec.mimeType
        for codec in track.info.codecs:
            codec.mime_type = track.info.mime_type
        if self.present:
            self.tell_all()
            self.room.recode(track)

    def unpublish(self, cid: str) -> None:
        self._codecs.pop(cid, None)
        self._announced.pop(cid, None)
        track = self.tracks.pop(cid, None)
        if track is not None and self.present:
            track.source.close()
            self.room.withdraw(track)
            self.tell_all()

    def mute(self, track_sid: str, muted: bool) -> M.TrackInfo | None:
        """Set whether a track is muted. Return its info, or None if there is no such track."""
        infos = [track.info for track in self.tracks.values()] + list(self._announced.values())
        info = next((info for info in infos if info.sid == track_sid), None)
        if info is not None and info.muted != muted:
            info.muted = muted
            self.tell_all()
        return info

    def heard(self, track: Track) -> None:
        """Tell the client, once, that its track has a subscriber: agents wait for this message."""
        if not track.heard:
            track.heard = True
            self.send(track_subscribed=R.TrackSubscribed(track_sid=track.sid))

    # What it receives

    def offer(self, track: Track) -> None:
        """Subscribe to a track that is available, if the client subscribes automatically."""
        if self.auto_subscribe:
            self.subscribe(track)

    def subscribe(self, track: Track) -> None:
        if track.owner is self or track.sid in self._subscribed or not self.info.permission.can_subscribe:
            return
        self._subscribed.add(track.sid)
        self.peers.deliver(track)

    def unsubscribe(self, track_sid: str) -> None:
        if track_sid in self._subscribed:
            self._subscribed.discard(track_sid)
            self.peers.withdraw(track_sid)

    def forwarding_started(self, track: Track, supported: bool) -> None:
        if supported:
            track.owner.heard(track)
        else:
            refused = R.SubscriptionResponse(
                track_sid=track.sid, err=M.SubscriptionError.SE_CODEC_UNSUPPORTED
            )
            self.send(subscription_response=refused)

    # Data

    def take_packet(self, raw: bytes | str, label: str) -> None:
        """Take a data packet of the client from the channel with that label."""
        try:
            packet = M.DataPacket.FromString(raw if isinstance(raw, bytes) else raw.encode())
        except DecodeError:
            self.fail("unreadable data packet")
            return
        if label == RELIABLE:
            self.received_sequence = packet.sequence
        if self.present and self.info.permission.can_publish_data:
            data.forward(self.room, packet, label, sender=self)

    # What others know of it

    def became_active(self) -> None:
        """The client's data channel is open, and with it the whole connection."""
        if self.present and self.info.state == M.ParticipantInfo.State.JOINED:
            self.info.state = M.ParticipantInfo.State.ACTIVE
            self.tell_all()
            self.room.tell_quality(self)

    def update(self, change: Callable[[M.ParticipantInfo], None]) -> None:
        """Change the participant's info and send it to all. Permissions take effect at once."""
        change(self.info)
        self.tell_all()
        for cid, track in list(self.tracks.items()):
            if not self._may_publish(track.info.source):
                self.send(track_unpublished=R.TrackUnpublishedResponse(track_sid=track.sid))
                self.unpublish(cid)
        if not self.info.permission.can_subscribe:
            for track_sid in list(self._subscribed):
                self.unsubscribe(track_sid)
        else:
            for track in self.room.tracks():
                self.offer(track)

    def tell_all(self) -> None:
        """Send the info to all participants and to the client itself. Clients ignore versions that do not grow."""
        self.info.version += 1
        del self.info.tracks[:]
        self.info.tracks.extend(track.info for track in self.tracks.values())
        self.info.is_publisher = bool(self.tracks)
        self.room.tell(self)

    def _may_publish(self, source: int) -> bool:
        allowed = self.info.permission
        if allowed.can_publish_sources:
            return source in allowed.can_publish_sources
        return allowed.can_publish

    def _cancel_grace(self) -> None:
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None
