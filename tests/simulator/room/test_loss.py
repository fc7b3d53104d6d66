"""Injected loss of media packets."""

import pytest
from aiortc.rtp import RtpPacket

from rigs.rooms.packets import Capture, packet, transceiver
from simulator.room.relay import Forwarder, Loss, Source

PACKETS = 4000


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Capture:
    return Capture(monkeypatch)


def relay(loss: Loss, *, from_visitor: bool = False) -> tuple[Source, Forwarder]:
    source = Source(transceiver("audio"), loss, from_visitor)
    forwarder = Forwarder(source, transceiver("audio"), lambda _: None)
    source.attach(forwarder)
    return source, forwarder


def pass_on(source: Source, packets: int = PACKETS) -> None:
    for number in range(packets):
        source.add(_with_level(packet(number)))


def _with_level(packet: RtpPacket) -> RtpPacket:
    packet.extensions.audio_level = None
    return packet


@pytest.mark.parametrize(
    ("loss", "from_visitor", "arrive"),
    [
        (Loss(), True, 1.0),
        (Loss(down=0.25), False, 0.75),
        (Loss(up=0.25), True, 0.75),
        (Loss(up=0.25), False, 1.0),
        (Loss(down=1.0), True, 0.0),
    ],
)
async def test_the_share_of_lost_packets_is_the_share_of_the_fault(
    sent: Capture, loss: Loss, from_visitor: bool, arrive: float
) -> None:
    source, _ = relay(loss, from_visitor=from_visitor)

    pass_on(source)

    assert len(sent.packets) / PACKETS == pytest.approx(arrive, abs=0.05)


async def test_packets_lost_on_the_way_down_can_be_retransmitted(sent: Capture) -> None:
    loss = Loss(down=1.0)
    source, forwarder = relay(loss)
    pass_on(source, 10)

    loss.down = 0.0
    source.add(_with_level(packet(10, payload=b"arrives")))
    arrived = sent.packets.pop()
    await vars(forwarder._sender)["_retransmit"](arrived.sequence_number - 1)

    assert arrived.payload == b"arrives"
    assert len(sent.packets) == 1
