"""A participant's publisher peer connection, on which its client makes the offers, in both signalling versions."""

import json
import logging
from typing import TYPE_CHECKING

from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCRtpSender,
    RTCRtpTransceiver,
    RTCSessionDescription,
)
from aiortc.codecs import is_rtx
from aiortc.sdp import MediaDescription, SessionDescription, candidate_from_sdp
from livekit.protocol import rtc as R

from simulator.room import aiortc_seams as seams
from simulator.room.relay import Forwarder

if TYPE_CHECKING:
    from simulator.room.participant import Participant
    from simulator.room.track import Track

logger = logging.getLogger(__name__)

RELIABLE, LOSSY = "_reliable", "_lossy"  # labels of the data channels in LiveKit's client protocol
CHANNEL_BACKLOG = 64 << 20  # bytes queued for one client; a client with more has stopped reading
START_BITRATE = 2500  # kbit/s; with less, libwebrtc scales 720p down for the first seconds
SENDING = ("sendonly", "sendrecv")


class Peers:
    """The peer connection on which a client offers: its published tracks, and data in both directions."""

    def __init__(self, participant: "Participant") -> None:
        self._participant = participant
        self._connection = self._open_connection()
        self._connection.on("datachannel", self._take_channel)
        self._sending: dict[str, RTCDataChannel] = {}
        self._early: list[bytes] = []  # reliable packets, until the channel opens
        self._published: dict[str, tuple[str, str]] = {}  # mid -> the client's track id (cid), codec
        self._forwarders: dict[str, tuple[Forwarder, RTCRtpTransceiver]] = {}  # by track sid

    @property
    def subscriber_primary(self) -> bool:
        """Whether clients wait for the subscriber connection before they report `connected`."""
        raise NotImplementedError

    @property
    def alive(self) -> bool:
        """False once a connection has failed or closed: aiortc cannot restart ICE."""
        return self._connection.connectionState not in ("failed", "closed")

    def start(self) -> None:
        """Start the negotiation. Call after the join response has been sent."""

    def resumed(self) -> None:
        """Repeat what the client may have missed, after it has resumed on a new websocket."""

    def deliver(self, track: "Track") -> None:
        """Subscribe the client to `track`: send it as soon as a media section is negotiated."""
        raise NotImplementedError

    def withdraw(self, track_sid: str) -> None:
        """Stop sending a track and remove it from the session description."""
        raise NotImplementedError

    def recode(self, track: "Track") -> None:
        """Follow a subscribed track whose publisher has changed its codec."""
        raise NotImplementedError

    def forwarder(self, track_sid: str) -> Forwarder | None:
        entry = self._forwarders.get(track_sid)
        return entry[0] if entry else None

    async def answer(self, offer: R.SessionDescription) -> R.SessionDescription:
        """Answer a client's offer. Raises whatever aiortc raises for a description it cannot use."""
        text = without_candidates(offer.sdp)
        await self._connection.setRemoteDescription(RTCSessionDescription(text, "offer"))
        for media in SessionDescription.parse(text).media:
            if media.kind in ("audio", "video"):
                self._read_section(media, section(self._connection, media.rtp.muxId))
        names = await self._fill_sections()
        await self._connection.setLocalDescription(await self._connection.createAnswer())
        sdp = self._connection.localDescription.sdp
        return R.SessionDescription(type="answer", sdp=sdp, id=offer.id, mid_to_track_id=names)

    async def accept_answer(self, answer: R.SessionDescription) -> None:
        raise ValueError("an answer without an offer")

    async def add_candidate(self, trickle: R.TrickleRequest) -> None:
        """Add a client's ICE candidate. mDNS names and TCP are ignored: the client's own checks suffice."""
        init = json.loads(trickle.candidateInit)
        _, _, line = init.get("candidate", "").partition("candidate:")
        if not line or ".local" in line or " tcp " in line.lower():
            return
        candidate = candidate_from_sdp(line)
        candidate.sdpMid = init.get("sdpMid")
        candidate.sdpMLineIndex = init.get("sdpMLineIndex")
        connection = self._connection_of(trickle.target)
        if connection.remoteDescription is not None:
            await connection.addIceCandidate(candidate)

    def send(self, packet: bytes, label: str) -> None:
        """Send a data packet on the channel with that label. Reliable packets wait until it opens."""
        channel = self._sending.get(label)
        opened = channel is not None and channel.readyState == "open"
        backlog = channel.bufferedAmount if channel and opened else sum(map(len, self._early))
        if backlog > CHANNEL_BACKLOG:
            self._participant.fail("it has stopped reading its data channel")
        elif channel and opened:
            _transmit(packet, channel)
        elif label == RELIABLE:
            self._early.append(packet)

    async def close(self) -> None:
        for forwarder, _ in self._forwarders.values():
            forwarder.stop()
        await self._connection.close()

    def _open_connection(self) -> RTCPeerConnection:
        # The empty list keeps aiortc from asking a public STUN server.
        connection = RTCPeerConnection(
            RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )

        def changed() -> None:
            if connection.connectionState in ("failed", "closed"):
                self._participant.connection_lost()

        connection.on("connectionstatechange", changed)
        return connection

    def _reliable_opened(self) -> None:
        for packet in self._early:
            _transmit(packet, self._sending[RELIABLE])
        self._early.clear()
        self._participant.became_active()

    def _connection_of(self, target: int) -> RTCPeerConnection:
        return self._connection

    def _take_channel(self, channel: RTCDataChannel) -> None:
        label = channel.label

        def received(packet: bytes | str) -> None:
            self._participant.take_packet(packet, label)

        channel.on("message", received)

    def _read_section(self, media: MediaDescription, transceiver: RTCRtpTransceiver) -> None:
        """Publish or unpublish the track that the client starts or stops sending in one media section."""
        mid = media.rtp.muxId
        cid = (media.msid or "").rpartition(" ")[2] if media.direction in SENDING and media.port else None
        before, codec = self._published.get(mid, (None, ""))
        if before is not None and before != cid:
            self._participant.unpublish(before)
            del self._published[mid]
        if cid is None:
            return
        if before == cid:
            keep_codec(transceiver, codec)  # every offer restores all codecs
            self._participant.keep_publishing(cid, transceiver)
            return
        announced = self._participant.announced_codec(cid)
        if announced is None:
            # Not announced, or not permitted. Left active, aiortc would decode what arrives.
            transceiver.direction = "inactive"
            return
        transceiver.direction = "recvonly"
        transceiver.receiver.track.stop()
        keep_codec(transceiver, announced)
        self._published[mid] = cid, announced
        self._participant.publish(cid, transceiver)

    async def _fill_sections(self) -> dict[str, str]:
        """Put tracks into sections that the client receives on. Return mid -> track sid of all sections in use."""
        return {}

    def _forward(self, track: "Track", transceiver: RTCRtpTransceiver) -> None:
        """Send `track` on `transceiver`. Tracks with the same stream name are kept in sync by clients."""
        stream = f"{track.owner.sid}|{track.info.stream or track.sid}"
        seams.name_sender(transceiver.sender, stream, track.sid)

        def started(supported: bool) -> None:
            self._participant.forwarding_started(track, supported)

        transceiver.direction = "sendonly"
        self._forwarders[track.sid] = Forwarder(track.source, transceiver, started), transceiver

    def _release(self, track_sid: str) -> RTCRtpSender | None:
        """Stop forwarding a track. Its section becomes inactive with the next negotiation."""
        entry = self._forwarders.pop(track_sid, None)
        if entry is None:
            return None
        forwarder, transceiver = entry
        forwarder.stop()
        transceiver.direction = "inactive"
        # The same track may return in another section, and the Rust SDK ends its process if two msids are equal.
        seams.name_sender(transceiver.sender, "-", f"{track_sid}-{seams.ssrc(transceiver.sender)}")
        return transceiver.sender


def _transmit(packet: bytes, channel: RTCDataChannel) -> None:
    try:
        channel.send(packet)
    except ValueError as error:  # larger than the client accepts; its sender is not at fault
        logger.info("data packet dropped: %s", error)


def section(connection: RTCPeerConnection, mid: str) -> RTCRtpTransceiver:
    return next(transceiver for transceiver in connection.getTransceivers() if transceiver.mid == mid)


def keep_codec(transceiver: RTCRtpTransceiver, wanted: str) -> None:
    """Answer with one codec only, so that the server knows which one arrives: `wanted` ("vp8"), or the first."""
    negotiated = seams.codecs(transceiver)
    named = [codec for codec in negotiated if codec.name.lower() == wanted.lower()]
    name = (named or negotiated)[0].name
    kept = {codec.payloadType for codec in negotiated if codec.name == name}
    for codec in negotiated:
        if codec.name == name and transceiver.kind == "video":
            codec.parameters["x-google-start-bitrate"] = START_BITRATE
    seams.keep_codecs(
        transceiver,
        [
            codec
            for codec in negotiated
            if codec.payloadType in kept or (is_rtx(codec) and codec.parameters.get("apt") in kept)
        ],
    )


def without_candidates(sdp: str) -> str:
    """Return a session description without its candidates; clients trickle theirs anyway.

    aioice would look up mDNS names, and after an end of candidates it gives up before the client's first check.
    """
    return "".join(
        line
        for line in sdp.splitlines(keepends=True)
        if not line.startswith(("a=candidate:", "a=end-of-candidates"))
    )
