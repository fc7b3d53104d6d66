"""RTP relay: one `Source` per published track, one `Forwarder` per subscription. Nothing is decoded."""

import asyncio
import random
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

from aiortc import RTCRtpTransceiver
from aiortc.codecs import is_rtx
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtp import RTCP_PSFB_PLI, AnyRtcpPacket, RtcpPsfbPacket, RtcpSrPacket, RtpPacket

from simulator.room import aiortc_seams as seams

KEYFRAME_INTERVAL = 0.25  # seconds between two keyframe requests to a publisher, at least
FEEDBACK_INTERVAL = 1.0  # seconds between two bitrate messages to a publisher
PUBLISHER_BITRATE = 6_000_000  # bit/s for every publisher; loopback needs no congestion control
HISTORY = 512  # packets kept for retransmission: over a second of 720p
RTP_HEADER = struct.Struct("!BBHLL")
RTP_VERSION = 0x80


class FixedRemb:
    """A bitrate estimator for aiortc that reports a fixed bitrate to the publisher.

    aiortc's own starts at 300 kbit/s and grows by 8 % a second: 720p would arrive as 360p for 20 seconds.
    """

    def __init__(self) -> None:
        self._told = 0.0

    def add(
        self, abs_send_time: int, arrival_time_ms: int, payload_size: int, ssrc: int
    ) -> tuple[int, list[int]] | None:
        now = time.monotonic()
        if now - self._told < FEEDBACK_INTERVAL:
            return None
        self._told = now
        return PUBLISHER_BITRATE, [ssrc]


@dataclass(frozen=True, slots=True)
class SenderClock:
    """The publisher's last sender report: at `ntp` its RTP timestamp was `rtp`."""

    ntp: int  # 64 bit NTP, 32.32 seconds
    rtp: int
    rate: int  # RTP ticks per second
    heard: float  # time.monotonic() of its arrival

    def reading(self, now: float) -> tuple[int, int]:
        """Return the publisher's (NTP, RTP) clocks at `now`. Subscribers need them for lip sync."""
        elapsed = now - self.heard
        return self.ntp + int(elapsed * (1 << 32)), (self.rtp + int(elapsed * self.rate)) & 0xFFFFFFFF


@dataclass(slots=True)
class Loss:
    """Injected loss: shares (0 to 1) of a room's media packets, `down` to clients and `up` from visitors."""

    down: float = 0.0
    up: float = 0.0


class Source:
    """The RTP packets of one published track, taken from the publisher's receiver."""

    def __init__(
        self, transceiver: RTCRtpTransceiver, loss: Loss | None = None, from_visitor: bool = False
    ) -> None:
        self.kind: str = transceiver.kind
        self._transceiver = transceiver
        self.codec = seams.codecs(transceiver)[0]
        self.clock: SenderClock | None = None
        self.loudest = 127  # dB below full scale of the loudest packet since `take_loudness`; 127 is silence
        self.loss = loss or Loss()
        self._from_visitor = from_visitor
        self._transport = transceiver.receiver.transport
        self._feedback_ssrc = seams.ssrc(transceiver.sender)
        self._ssrc: int | None = None  # of the publisher; from its first packet
        self._forwarders: set[Forwarder] = set()
        self._asked = 0.0
        self._ask_later: asyncio.TimerHandle | None = None
        seams.divert(transceiver.receiver, self, FixedRemb() if self.kind == "video" else None)
        seams.overhear_rtcp(transceiver.receiver, self._hear_rtcp)

    def add(self, packet: RtpPacket) -> tuple[bool, None]:
        """Forward one packet. aiortc calls this in place of its jitter buffer's `add` and expects its result."""
        self._ssrc = packet.ssrc
        if self._from_visitor and self.loss.up and random.random() < self.loss.up:
            return False, None
        if packet.extensions.audio_level is not None:
            self.loudest = min(self.loudest, packet.extensions.audio_level[1])
        for forwarder in self._forwarders:
            forwarder.forward(packet)
        return False, None

    def recode(self) -> bool:
        """Read the negotiated codec again. Return whether it has changed."""
        before, self.codec = self.codec, seams.codecs(self._transceiver)[0]
        return self.codec.mimeType != before.mimeType

    def attach(self, forwarder: "Forwarder") -> None:
        self._forwarders.add(forwarder)
        self.request_keyframe()

    def detach(self, forwarder: "Forwarder") -> None:
        self._forwarders.discard(forwarder)

    def take_loudness(self) -> int:
        """Return the loudest level since the last call, in dB below full scale (0 loudest, 127 silence)."""
        loudest, self.loudest = self.loudest, 127
        return loudest

    def request_keyframe(self) -> None:
        """Ask the publisher for a keyframe, now or when `KEYFRAME_INTERVAL` has passed."""
        if self.kind != "video" or self._ask_later is not None:
            return
        wait = self._asked + KEYFRAME_INTERVAL - time.monotonic()
        if wait > 0:
            self._ask_later = asyncio.get_running_loop().call_later(wait, self._send_pli)
        else:
            self._send_pli()

    def close(self) -> None:
        self._forwarders.clear()
        if self._ask_later is not None:
            self._ask_later.cancel()

    def _send_pli(self) -> None:
        self._ask_later = None
        if self._ssrc is None:
            return
        self._asked = time.monotonic()
        pli = RtcpPsfbPacket(fmt=RTCP_PSFB_PLI, ssrc=self._feedback_ssrc, media_ssrc=self._ssrc)
        seams.send_at_once(self._transport, bytes(pli))

    def _hear_rtcp(self, packet: AnyRtcpPacket) -> None:
        if isinstance(packet, RtcpSrPacket):
            told = packet.sender_info
            self.clock = SenderClock(
                told.ntp_timestamp, told.rtp_timestamp, self.codec.clockRate, time.monotonic()
            )


class Forwarder:
    """Sends a `Source` to one subscriber, in place of an aiortc sender's encoder.

    Payload type, sequence number and SSRC are the subscriber's; timestamp and payload are the publisher's.
    """

    def __init__(
        self, source: Source, transceiver: RTCRtpTransceiver, on_started: Callable[[bool], None]
    ) -> None:
        """`on_started` is called when the path is up; with False if the subscriber does not support the codec."""
        self.source = source
        self._transceiver = transceiver
        self._sender = transceiver.sender
        self._state = seams.SenderState(transceiver.sender)
        self._on_started = on_started
        self._ssrc = seams.ssrc(transceiver.sender)
        self._payload_type = 0
        self._rtx_payload_type: int | None = None
        self._rtx_sequence = random.randrange(1 << 15)
        # In the lower half: a wrap-around among the first packets would confuse SRTP's roll-over counter.
        self._next = random.randrange(1 << 10, 1 << 15)
        self._offset: int | None = (
            None  # from the source's sequence numbers to ours; None: the next packet sets it
        )
        self._paused = False
        self._history: list[tuple[int, bytes] | None] = [None] * HISTORY
        seams.replace_sending(transceiver.sender, self._run, self._retransmit, source.request_keyframe)

    def pause(self) -> None:
        """Stop sending until `resume` (adaptive stream: the video element is hidden)."""
        self._paused = True

    def resume(self) -> None:
        if self._paused:
            self._paused = False
            self._offset = None
            self.source.request_keyframe()

    def recode(self) -> None:
        """Switch to the payload type of the source's new codec."""
        if self._payload_type:
            self._choose_payload_type()
            self.source.request_keyframe()

    def stop(self) -> None:
        self.source.detach(self)

    def forward(self, packet: RtpPacket) -> None:
        if self._paused:
            return
        if self._offset is None:
            self._offset = self._next - packet.sequence_number
        sequence = (packet.sequence_number + self._offset) & 0xFFFF
        if (sequence - self._next) & 0xFFFF < 0x8000:  # not a late packet
            self._next = (sequence + 1) & 0xFFFF
        marked_type = packet.marker << 7 | self._payload_type
        header = RTP_HEADER.pack(RTP_VERSION, marked_type, sequence, packet.timestamp, self._ssrc)
        data = header + packet.payload
        self._history[sequence % HISTORY] = (sequence, data)
        if self.source.clock is not None:
            self._state.set_clock(*self.source.clock.reading(time.monotonic()))
        self._state.count(len(packet.payload))
        self._send(data)

    async def _run(self, _codec: RTCRtpCodecParameters) -> None:
        """Replace RTCRtpSender._run_rtp: started when DTLS is up, cancelled when the sender stops."""
        self._state.started()
        try:
            supported = self._choose_payload_type()
            if supported:
                self.source.attach(self)
            self._on_started(supported)
            await asyncio.Event().wait()
        finally:
            self.stop()
            self._state.exited()

    def _choose_payload_type(self) -> bool:
        negotiated = seams.codecs(self._transceiver)
        wanted = self.source.codec
        same = [codec for codec in negotiated if codec.mimeType.lower() == wanted.mimeType.lower()]
        if not same:
            return False
        exact = (codec for codec in same if profile(codec) == profile(wanted))
        self._payload_type = next(exact, same[0]).payloadType or 0
        for codec in negotiated:
            if is_rtx(codec) and codec.parameters.get("apt") == self._payload_type:
                self._rtx_payload_type = codec.payloadType
        return True

    async def _retransmit(self, sequence: int) -> None:
        """Answer a NACK: with RTX (RFC 4588) if negotiated, else with the packet itself."""
        kept = self._history[sequence % HISTORY]
        if kept is None or kept[0] != sequence:
            return
        data = kept[1]
        if self._rtx_payload_type is not None:
            _, marked_type, _, timestamp, _ = RTP_HEADER.unpack_from(data)
            rtx_type = marked_type & 0x80 | self._rtx_payload_type
            ssrc = seams.rtx_ssrc(self._sender)
            header = RTP_HEADER.pack(RTP_VERSION, rtx_type, self._rtx_sequence, timestamp, ssrc)
            data = header + struct.pack("!H", sequence) + data[RTP_HEADER.size :]
            self._rtx_sequence = (self._rtx_sequence + 1) & 0xFFFF
        self._send(data)

    def _send(self, data: bytes) -> None:
        down = self.source.loss.down
        if not down or random.random() >= down:
            seams.send_at_once(self._sender.transport, data)


def profile(codec: RTCRtpCodecParameters) -> object:
    """Return the H264 profile of a negotiated codec; None for every other codec."""
    return codec.parameters.get("profile-level-id")
