"""Every private name of aiortc 1.16.0 and aioice 0.13.0 that this package uses, in one place.

aiortc decodes what it receives and encodes what it sends. A relay needs the RTP packets in between, while aiortc
keeps doing ICE, DTLS, SRTP, SCTP, receiver reports, NACKs and RTX. Hence these seams and the exact pins in
requirements.txt (docs/decisions/0001).
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import aioice.ice
import pylibsrtp
from aiortc import RTCRtpReceiver, RTCRtpSender, RTCRtpTransceiver
from aiortc.codecs import HEADER_EXTENSIONS
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.rtcrtpparameters import RTCRtpCodecParameters, RTCRtpHeaderExtensionParameters
from aiortc.rtp import AnyRtcpPacket, RtpPacket, is_rtcp

# Without these in the answer, publishers that simulcast (libwebrtc's default for cameras) fail on their next offer.
# The ids matter only in our own offers, where they must be free.
HEADER_EXTENSIONS["video"] += [
    RTCRtpHeaderExtensionParameters(id=10, uri="urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"),
    RTCRtpHeaderExtensionParameters(id=11, uri="urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"),
]


all_addresses = aioice.ice.get_host_addresses


class PacketSink(Protocol):
    """The part of aiortc's JitterBuffer that its receiver calls for every packet, in order of arrival."""

    def add(self, packet: RtpPacket) -> tuple[bool, None]: ...


class BitrateEstimator(Protocol):
    """The part of aiortc's RemoteBitrateEstimator that its receiver calls."""

    def add(
        self, abs_send_time: int, arrival_time_ms: int, payload_size: int, ssrc: int
    ) -> tuple[int, list[int]] | None: ...


def bind_media_to(address: str) -> None:
    """Make every peer connection of this process offer one host candidate only; 0.0.0.0 restores aioice's default.

    aioice offers all addresses except loopback; a single one keeps the media port closed to the network.
    """

    def only_address(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        return [address]

    aioice.ice.get_host_addresses = all_addresses if address == "0.0.0.0" else only_address


def divert(receiver: RTCRtpReceiver, sink: PacketSink, estimator: BitrateEstimator | None) -> None:
    """Hand the receiver's packets to `sink` in place of its jitter buffer; nothing reaches the decoder."""
    state = vars(receiver)
    state["_RTCRtpReceiver__jitter_buffer"] = sink
    if estimator is not None:
        state["_RTCRtpReceiver__remote_bitrate_estimator"] = estimator


def overhear_rtcp(receiver: RTCRtpReceiver, listener: Callable[[AnyRtcpPacket], None]) -> None:
    """Call `listener` with every RTCP packet about the receiver's stream, before aiortc handles it."""
    handle = type(receiver)._handle_rtcp_packet

    async def heard(packet: AnyRtcpPacket) -> None:
        listener(packet)
        await handle(receiver, packet)

    vars(receiver)["_handle_rtcp_packet"] = heard


def replace_sending(
    sender: RTCRtpSender,
    run: Callable[[RTCRtpCodecParameters], Awaitable[None]],
    retransmit: Callable[[int], Awaitable[None]],
    send_keyframe: Callable[[], None],
) -> None:
    """Replace the sender's encoder loop by the relay's coroutines. Call before negotiation."""
    vars(sender).update(_run_rtp=run, _retransmit=retransmit, _send_keyframe=send_keyframe)


class SenderState:
    """The fields of an RTCRtpSender that its encoder loop maintains and its sender reports read."""

    __slots__ = ("_fields",)

    def __init__(self, sender: RTCRtpSender) -> None:
        self._fields: dict[str, Any] = vars(sender)

    def started(self) -> None:
        self._fields["_RTCRtpSender__rtp_started"].set()

    def exited(self) -> None:
        self._fields["_RTCRtpSender__rtp_exited"].set()

    def count(self, octets: int) -> None:
        self._fields["_RTCRtpSender__packet_count"] += 1
        self._fields["_RTCRtpSender__octet_count"] += octets

    def set_clock(self, ntp: int, rtp: int) -> None:
        """Set what the next sender report says: NTP time (64 bit) and the RTP timestamp of that moment."""
        self._fields["_RTCRtpSender__ntp_timestamp"] = ntp
        self._fields["_RTCRtpSender__rtp_timestamp"] = rtp


def name_sender(sender: RTCRtpSender, stream: str, track: str) -> None:
    """Set stream and track id of the sender's `a=msid` line."""
    sender._stream_id = stream
    sender._track_id = track


def ssrc(sender: RTCRtpSender) -> int:
    return sender._ssrc


def rtx_ssrc(sender: RTCRtpSender) -> int:
    return sender._rtx_ssrc


def codecs(transceiver: RTCRtpTransceiver) -> list[RTCRtpCodecParameters]:
    """Return the negotiated codecs, in the remote side's order of preference."""
    return transceiver._codecs


def keep_codecs(transceiver: RTCRtpTransceiver, kept: list[RTCRtpCodecParameters]) -> None:
    transceiver._codecs = kept


def client_receives(transceiver: RTCRtpTransceiver) -> bool:
    """Return whether the last remote offer had the section as recvonly. aiortc stores our view: sendonly."""
    return transceiver._offerDirection == "sendonly"


def send_at_once(transport: RTCDtlsTransport, packet: bytes) -> None:
    """Encrypt and send one RTP or RTCP packet without awaiting; drop it if the path is not up."""
    pair = transport.transport._connection._nominated.get(1)
    srtp = transport._tx_srtp
    if pair is None or srtp is None:
        return
    try:
        data = srtp.protect_rtcp(packet) if is_rtcp(packet) else srtp.protect(packet)
    except pylibsrtp.Error:
        return  # a retransmission older than SRTP's replay window; the receiver no longer waits for it
    pair.protocol.transport.sendto(data, pair.remote_addr)
