"""A participant's peer connection: the one its client makes offers on, in both versions of the signalling."""

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

RELIABLE, LOSSY = "_reliable", "_lossy"  # labels of the data channels, LiveKit's client protocol
CHANNEL_BACKLOG = 64 << 20  # bytes queued for one client; more means that it has stopped reading
START_BITRATE = 2500  # kbit/s: with less, libwebrtc scales a 720p publisher down for its first seconds
SENDING = ("sendonly", "sendrecv")


class Peers:
    """The peer connection a client offers on: what it publishes, and data in both directions."""

    def __init__(self, participant: "Participant") -> None:
        self._participant = participant
        self._connection = self._open_connection()
        self._connection.on("datachannel", self._take_channel)
        self._sending: dict[str, RTCDataChannel] = {}
        self._early: list[bytes] = []  # reliable packets from before the channel opened
        self._published: dict[str, tuple[str, str]] = {}  # mid -> the client's name for a track (cid), codec
        self._forwarders: dict[str, tuple[Forwarder, RTCRtpTransceiver]] = {}  # by track sid

    @property
    def subscriber_primary(self) -> bool:
        """Whether clients wait for the server's own peer connection before they report `connected`."""
        raise NotImplementedError

    @property
    def alive(self) -> bool:
        """False once a connection has failed for good: aiortc cannot restart ICE."""
        return self._connection.connectionState not in ("failed", "closed")

    def start(self) -> None:
        """Begin, once the client has been sent its join response."""

    def resumed(self) -> None:
        """The client is back on a new websocket and may have missed messages."""

    def deliver(self, track: "Track") -> None:
        """Send `track` to the client as soon as a media section for it is negotiated."""
        raise NotImplementedError

    def withdraw(self, track_sid: str) -> None:
        """Stop sending a track and take it out of the client's media stream."""
        raise NotImplementedError

    def recode(self, track: "Track") -> None:
        """The publisher of a track in delivery changed its codec."""
        raise NotImplementedError

    def forwarder(self, track_sid: str) -> Forwarder | None:
        entry = self._forwarders.get(track_sid)
        return entry[0] if entry else None

    async def answer(self, offer: R.SessionDescription) -> R.SessionDescription:
        """Answer a client's offer. Raises whatever aiortc makes of a description it cannot use."""
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
        """Add a client's ICE candidate. mDNS names and TCP are left out: checks from the client suffice."""
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
        """Send a data packet on the channel with that label. Until it opens, reliable ones wait."""
        channel = self._sending.get(label)
        opened = channel is not None and channel.readyState == "open"
        backlog = channel.bufferedAmount if channel and opened else sum(map(len, self._early))
        if backlog > CHANNEL_BACKLOG:
            self._participant.fail("it does not read its data channel")
        elif channel and opened:
            _transmit(packet, channel)
        elif label == RELIABLE:
            self._early.append(packet)

    async def close(self) -> None:
        for forwarder, _ in self._forwarders.values():
            forwarder.stop()
        await self._connection.close()

    def _open_connection(self) -> RTCPeerConnection:
        # Without an empty list aiortc asks a public STUN server.
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
        """Publish or unpublish what the client starts or stops to send in one media section."""
        mid = media.rtp.muxId
        cid = (media.msid or "").rpartition(" ")[2] if media.direction in SENDING and media.port else None
        before, codec = self._published.get(mid, (None, ""))
        if before is not None and before != cid:
            self._participant.unpublish(before)
            del self._published[mid]
        if cid is None:
            return
        if before == cid:
            keep_codec(transceiver, codec)  # every offer brings all codecs back
            self._participant.keep_publishing(cid, transceiver)
            return
        announced = self._participant.announced_codec(cid)
        if announced is None:
            # Nobody announced it, or it may not be published. aiortc would decode what arrives.
            transceiver.direction = "inactive"
            return
        transceiver.direction = "recvonly"
        transceiver.receiver.track.stop()
        keep_codec(transceiver, announced)
        self._published[mid] = cid, announced
        self._participant.publish(cid, transceiver)

    async def _fill_sections(self) -> dict[str, str]:
        """Put tracks into sections the client receives on; returns mid -> track sid for all in use."""
        return {}

    def _forward(self, track: "Track", transceiver: RTCRtpTransceiver) -> None:
        """Let `transceiver` send `track`. The stream name groups a participant's tracks for lip sync."""
        stream = f"{track.owner.sid}|{track.info.stream or track.sid}"
        seams.name_sender(transceiver.sender, stream, track.sid)

        def started(supported: bool) -> None:
            self._participant.forwarding_started(track, supported)

        transceiver.direction = "sendonly"
        self._forwarders[track.sid] = Forwarder(track.source, transceiver, started), transceiver

    def _release(self, track_sid: str) -> RTCRtpSender | None:
        """Stop forwarding a track; its section becomes inactive with the next negotiation."""
        entry = self._forwarders.pop(track_sid, None)
        if entry is None:
            return None
        forwarder, transceiver = entry
        forwarder.stop()
        transceiver.direction = "inactive"
        # The same track may return in another section, and the Rust SDK ends its process on equal msids.
        seams.name_sender(transceiver.sender, "-", f"{track_sid}-{seams.ssrc(transceiver.sender)}")
        return transceiver.sender


def _transmit(packet: bytes, channel: RTCDataChannel) -> None:
    try:
        channel.send(packet)
    except ValueError as error:  # larger than the client takes; its sender must not suffer for it
        logger.info("a data packet is dropped: %s", error)


def section(connection: RTCPeerConnection, mid: str) -> RTCRtpTransceiver:
    return next(transceiver for transceiver in connection.getTransceivers() if transceiver.mid == mid)


def keep_codec(transceiver: RTCRtpTransceiver, wanted: str) -> None:
    """Answer with one codec, so that it is known which one arrives: `wanted` ("vp8"), or the first."""
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
    """A description without its candidates: mDNS names would be looked up, and an end of candidates makes
    aioice give up before the client's first check has arrived. Clients trickle theirs anyway."""
    return "".join(
        line
        for line in sdp.splitlines(keepends=True)
        if not line.startswith(("a=candidate:", "a=end-of-candidates"))
    )
