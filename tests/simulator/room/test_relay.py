"""The parts of the relay that need no network."""

import pytest

from rigs.rooms.packets import Capture, packet, transceiver
from simulator.room import aiortc_seams as seams
from simulator.room.peers import keep_codec, without_candidates
from simulator.room.relay import HISTORY, PUBLISHER_BITRATE, FixedRemb, Forwarder, SenderClock, Source


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Capture:
    return Capture(monkeypatch)


@pytest.fixture
async def forwarder() -> Forwarder:
    return Forwarder(Source(transceiver()), transceiver(), lambda _: None)


async def test_order_gaps_and_wraps_of_the_source_are_kept(forwarder: Forwarder, sent: Capture) -> None:
    for number in (65_534, 65_535, 1, 0, 2):  # 0 comes late
        forwarder.forward(packet(number, timestamp=number))

    assert sent.sequence_numbers() == [0, 1, 3, 2, 4]
    assert [p.timestamp for p in sent.packets] == [65_534, 65_535, 1, 0, 2]
    assert {p.ssrc for p in sent.packets} != {1}


async def test_a_pause_leaves_no_gap(forwarder: Forwarder, sent: Capture) -> None:
    forwarder.forward(packet(10))
    forwarder.pause()
    forwarder.forward(packet(11))
    forwarder.resume()
    forwarder.forward(packet(500))

    assert sent.sequence_numbers() == [0, 1]


async def test_a_packet_is_retransmitted_while_it_is_kept(forwarder: Forwarder, sent: Capture) -> None:
    for number in range(HISTORY + 1):
        forwarder.forward(packet(number, payload=b"%d" % number))
    first, last = sent.packets[0].sequence_number, sent.packets[-1].sequence_number
    sent.packets.clear()

    for lost in (first, last):
        await vars(forwarder._sender)["_retransmit"](lost)

    assert [p.payload for p in sent.packets] == [b"%d" % HISTORY]


def test_the_publishers_clocks_go_on_between_its_reports() -> None:
    clock = SenderClock(ntp=5 << 32, rtp=0xFFFFFFFF - 44_999, rate=90_000, heard=100.0)

    assert clock.reading(100.0) == (5 << 32, 0xFFFFFFFF - 44_999)
    assert clock.reading(100.5) == ((5 << 32) + (1 << 31), 0)


def test_a_publisher_gets_its_bitrate_at_once_and_not_with_every_packet() -> None:
    remb = FixedRemb()

    answers = [remb.add(0, 0, 1200, ssrc=7) for _ in range(3)]

    assert answers == [(PUBLISHER_BITRATE, [7]), None, None]


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [("vp8", {"VP8", "rtx"}), ("h264", {"H264", "rtx"}), ("", {"VP8", "rtx"}), ("av1", {"VP8", "rtx"})],
)
async def test_a_publisher_is_answered_with_one_codec(wanted: str, kept: set[str]) -> None:
    section = transceiver()

    keep_codec(section, wanted)

    assert {codec.name for codec in seams.codecs(section)} == kept


def test_candidates_are_taken_out_of_a_description() -> None:
    sdp = "v=0\r\na=candidate:1 1 udp 1 x.local 9 typ host\r\na=end-of-candidates\r\na=mid:0\r\n"

    assert without_candidates(sdp) == "v=0\r\na=mid:0\r\n"
