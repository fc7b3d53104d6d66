"""The clock of sound, lips and captions, against a loudspeaker that plays in virtual time."""

import asyncio

import pytest

from rigs.sound.loudspeaker import QUEUE_SECONDS, Loudspeaker
from simulator.avatar.captions import captions
from simulator.avatar.lips import REST, Mouth
from simulator.avatar.playback import FRAME_SECONDS, Playback
from voice.speaking.utterance import BYTES_PER_SECOND, Utterance, WordMark

pytestmark = pytest.mark.virtual_time

A, B = Mouth("a", 1.0), Mouth("b", 0.5)


def sound(seconds: float, value: int = 1) -> bytes:
    return bytes([value, 0]) * int(seconds * BYTES_PER_SECOND / 2)


@pytest.fixture
def loudspeaker():
    return Loudspeaker()


@pytest.fixture
async def playback(loudspeaker):
    playback = Playback(loudspeaker)
    running = asyncio.create_task(playback.run())
    yield playback
    running.cancel()
    await asyncio.wait({running})


async def test_clips_follow_each_other_without_a_gap(playback, loudspeaker):
    first = playback.push(sound(0.1, 1), lambda at: A)
    second = playback.push(sound(0.1, 2), lambda at: B)
    await playback.reached(0.2)

    assert (first, second) == (0.0, 0.1)
    assert bytes(loudspeaker.taken) == sound(0.1, 1) + sound(0.1, 2)


async def test_a_position_is_reached_when_it_is_heard_not_when_it_is_written(playback, loudspeaker):
    clock = asyncio.get_running_loop().time
    begin = clock()
    playback.push(sound(0.25), lambda at: A)
    await playback.reached(0.2)

    assert clock() - begin == pytest.approx(0.2, abs=FRAME_SECONDS)
    assert len(loudspeaker.taken) == len(sound(0.25))


async def test_the_mouth_belongs_to_what_is_heard(playback):
    playback.push(sound(0.1), lambda at: A)
    playback.push(sound(0.1), lambda at: B if at < 0.05 else REST)
    await playback.reached(0.05)
    early = playback.mouth()
    await playback.reached(0.12)
    late = playback.mouth()

    assert (early, late) == (A, B)
    assert playback.mouth(ahead=0.06) == REST


async def test_after_everything_was_heard_the_mouth_rests_and_the_clock_stands(playback):
    playback.push(sound(0.06), lambda at: A)
    await playback.reached(0.06)

    assert playback.mouth() == REST
    assert playback.position == pytest.approx(0.06)


async def test_stop_silences_at_once_and_closes_the_mouth(playback, loudspeaker):
    playback.push(sound(2.0), lambda at: A)
    await playback.reached(0.1)
    playback.stop()
    stopped_at = playback.position
    taken = len(loudspeaker.taken)

    assert loudspeaker.queued() == 0
    assert playback.mouth() == REST
    assert playback.push(sound(0.1), lambda at: B) == pytest.approx(stopped_at, abs=1e-4)
    await playback.reached(stopped_at + 0.1)
    assert len(loudspeaker.taken) <= taken + len(sound(0.1))


async def test_positions_stay_right_after_a_stop_in_the_middle_of_a_write(playback, loudspeaker):
    for _ in range(3):
        start = playback.push(sound(1.0), lambda at: A)
        await playback.reached(start + 0.03)  # the queue is full and a write waits
        assert loudspeaker.queued() > QUEUE_SECONDS - 0.05
        playback.stop()

    clock = asyncio.get_running_loop().time
    begin = clock()
    await playback.reached(playback.push(sound(0.1), lambda at: B) + 0.1)
    assert clock() - begin == pytest.approx(0.1, abs=FRAME_SECONDS)


class Tape:
    """A sink that plays as far as the test says and has room for one frame."""

    def __init__(self) -> None:
        self.written = 0.0
        self.heard = 0.0
        self.room = asyncio.Semaphore(1)

    async def write(self, pcm: bytes) -> None:
        self.written += len(pcm) / BYTES_PER_SECOND
        await self.room.acquire()

    def queued(self) -> float:
        return self.written - self.heard

    def clear(self) -> None:
        self.heard = self.written


async def test_a_frame_that_waits_for_room_counts_as_queued():
    tape = Tape()
    playback = Playback(tape)
    running = asyncio.create_task(playback.run())
    playback.push(sound(1.0), lambda at: A)
    await asyncio.sleep(0)

    assert tape.written == pytest.approx(2 * FRAME_SECONDS)
    for tape.heard in (0.0, 0.5 * FRAME_SECONDS, 1.5 * FRAME_SECONDS):
        assert playback.position == pytest.approx(tape.heard)
    running.cancel()
    await asyncio.wait({running})


async def test_a_voice_that_begins_again_is_heard_after_its_latency():
    tape = Tape()
    playback = Playback(tape)
    running = asyncio.create_task(playback.run())
    playback.push(sound(FRAME_SECONDS), lambda at: A)
    await asyncio.sleep(0)
    tape.heard = tape.written
    tape.room.release()
    playback.push(sound(FRAME_SECONDS), lambda at: B)
    await asyncio.sleep(0)
    tape.heard -= 0.05  # new sound has more latency than the silence before it

    assert playback.position == pytest.approx(FRAME_SECONDS)
    tape.heard += 0.07
    assert playback.position == pytest.approx(FRAME_SECONDS + 0.02)
    running.cancel()
    await asyncio.wait({running})


async def test_the_position_never_goes_back(playback):
    positions = []
    playback.push(sound(0.2), lambda at: A)
    for part in range(1, 9):
        await playback.reached(part * 0.025)
        positions.append(playback.position)
        if part == 4:
            playback.stop()
            playback.push(sound(0.2), lambda at: A)

    assert positions == sorted(positions)


def utterance(text: str, *marks: tuple[int, int]) -> Utterance:
    return Utterance(text, b"", tuple(WordMark(*mark) for mark in marks), ())


@pytest.mark.parametrize(
    ("spoken", "expected"),
    [
        (utterance("Hi Bob! ", (0, 10), (3, 300)), [("Hi ", 0.01), ("Bob! ", 0.3)]),
        # espeak speaks "twenty five dollars" for one written word
        (utterance("$25 now", (1, 0), (1, 200), (1, 400), (4, 700)), [("$25 ", 0.0), ("now", 0.7)]),
        # a word without a mark begins with the one before it
        (utterance("one \u2014 two", (0, 0), (6, 500)), [("one ", 0.0), ("\u2014 ", 0.0), ("two", 0.5)]),
        (
            utterance("  led by spaces", (2, 40), (6, 200), (9, 300)),
            [("  led ", 0.04), ("by ", 0.2), ("spaces", 0.3)],
        ),
        (utterance("no marks at all"), [("no ", 0.0), ("marks ", 0.0), ("at ", 0.0), ("all", 0.0)]),
        (utterance(""), []),
    ],
)
def test_captions_are_the_written_words_with_their_moments(spoken, expected):
    found = captions(spoken)

    assert [(caption.text, caption.start) for caption in found] == expected
    assert "".join(caption.text for caption in found) == spoken.text
