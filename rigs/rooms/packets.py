"""RTP packets and the place where the relay would send them."""

import copy

import pytest
from aiortc import RTCPeerConnection, RTCRtpTransceiver
from aiortc.codecs import CODECS
from aiortc.rtp import RtpPacket

from simulator.room import aiortc_seams as seams


class Capture:
    """Takes packets in place of the network."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.packets: list[RtpPacket] = []
        monkeypatch.setattr(
            seams, "send_at_once", lambda _, packet: self.packets.append(RtpPacket.parse(packet))
        )

    def sequence_numbers(self) -> list[int]:
        first = self.packets[0].sequence_number
        return [(packet.sequence_number - first) & 0xFFFF for packet in self.packets]


def transceiver(kind: str = "video") -> RTCRtpTransceiver:
    connection = RTCPeerConnection()
    transceiver = connection.addTransceiver(kind)
    seams.keep_codecs(transceiver, copy.deepcopy(CODECS[kind]))
    return transceiver


def packet(number: int, timestamp: int = 0, payload: bytes = b"x") -> RtpPacket:
    return RtpPacket(96, 0, number & 0xFFFF, timestamp, ssrc=1, payload=payload)
