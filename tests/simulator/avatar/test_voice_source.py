"""The clock of the avatar's voice, and the sound it keeps for its echo."""

import itertools

import pytest
from livekit import rtc

from simulator.avatar import voice_source
from simulator.avatar.voice_source import FORGOTTEN_AFTER, KEPT, LONGEST_PAUSE, WAY, VoiceSource
from voice.speaking.utterance import BYTES_PER_SECOND, SAMPLE_RATE


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(voice_source, "time", clock)
    return clock


@pytest.fixture
async def source(clock, monkeypatch):
    """A voice source whose native queue takes all sound at once."""

    async def swallow(_self: rtc.AudioSource, _frame: rtc.AudioFrame) -> None:
        pass

    monkeypatch.setattr(rtc.AudioSource, "capture_frame", swallow)
    source = VoiceSource()
    yield source
    await source.source.aclose()


def sound(seconds: float) -> bytes:
    return bytes(round(seconds * BYTES_PER_SECOND / 2) * 2)


async def test_sound_is_queued_until_it_has_been_heard(source, clock):
    await source.write(sound(0.08))

    assert source.queued() == pytest.approx(0.08 + WAY)
    clock.now += 0.08 + WAY
    assert source.queued() == 0.0


async def test_pieces_written_in_time_add_up(source, clock):
    for _ in range(3):
        await source.write(sound(0.08))
        clock.now += 0.04

    assert source.queued() == pytest.approx(3 * 0.08 + WAY - 3 * 0.04)


async def test_a_late_piece_delays_what_follows_and_nothing_else(source, clock):
    """In a minute of sound with occasional late pieces no error adds up."""
    last = 0.0
    for number in itertools.count():
        await source.write(sound(0.08))
        last = clock.now + 0.08 + WAY
        if number * 0.08 >= 60:
            break
        clock.now += 0.12 if number % 10 == 0 else 0.08

    assert clock.now + source.queued() == pytest.approx(last, abs=1e-6)


def ticks(value: int, seconds: float) -> bytes:
    return value.to_bytes(2, "little") * round(seconds * SAMPLE_RATE)


async def test_the_last_seconds_of_sound_are_kept_with_pauses_shortened(source, clock):
    await source.write(ticks(1, KEPT))
    clock.now += KEPT + WAY + 2
    await source.write(ticks(2, 0.08))

    kept = source.played()
    assert len(kept) == KEPT * BYTES_PER_SECOND
    assert kept.endswith(ticks(1, 0.08) + ticks(0, LONGEST_PAUSE) + ticks(2, 0.08))


async def test_sound_whose_echo_can_no_longer_arrive_is_forgotten(source, clock):
    await source.write(ticks(1, 0.08))
    clock.now += 1
    assert source.played().endswith(ticks(1, 0.08))

    clock.now += FORGOTTEN_AFTER
    assert source.played() == b""


async def test_cleared_sound_is_not_waited_for(source):
    await source.write(sound(0.08))

    source.clear()

    assert source.queued() == 0.0
