"""How the avatar speaks, and plays sound other than speech."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from rigs.avatar.talk_rig import QuickVoice, Talk
from simulator.avatar.lips import REST
from simulator.avatar.tone import LONGEST, tone
from voice.speaking.utterance import BYTES_PER_SECOND, SAMPLE_RATE, Utterance, WordMark

pytestmark = pytest.mark.virtual_time


class Hummer(QuickVoice):
    """Hums every text for a second, with its second word half-way and without phonemes."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def utter(self, text: str) -> Utterance:
        self.texts.append(text)
        return Utterance(text, tone(1.0, 220), (WordMark(0, 0), WordMark(text.find(" ") + 1, 500)), ())


@pytest.fixture
async def hummer():
    return Hummer()


@pytest.fixture
async def talk(hummer):
    talk = Talk(voice=hummer)
    running = asyncio.create_task(talk.run())
    yield talk
    running.cancel()
    await asyncio.wait({running})


async def test_a_voice_without_phonemes_moves_the_lips_by_its_sound(talk):
    talk.order("avatar.speak_text", "Hum.")
    await talk.until("avatar.transcription")
    await talk.playback.reached(0.5)

    assert talk.playback.mouth() != REST


async def test_the_next_sentence_is_synthesised_while_one_is_heard(talk, hummer):
    talk.order("avatar.speak_text", "One one. Two two. Three three. Four four.")
    await talk.until("avatar.speak_started")
    await talk.playback.reached(0.2)

    assert hummer.texts == [
        "One one. ",
        "Two two. ",
        "Three three. ",
    ]  # played, queued, and waiting for room in the queue


async def test_an_unexpected_error_in_an_answer_ends_the_conversation():
    class Broken:
        async def reply(self, text: str) -> AsyncIterator[str]:
            yield "Well. "
            raise ZeroDivisionError

    talk = Talk(Broken())
    running = asyncio.create_task(talk.run())
    talk.order("avatar.speak_response", "hello")
    await asyncio.wait({running})

    errors = running.exception()
    assert isinstance(errors, BaseExceptionGroup)
    assert errors.subgroup(ZeroDivisionError) is not None


@pytest.mark.parametrize(("seconds", "lasts"), [(0.5, 0.5), (1000.0, LONGEST), (-1.0, 0.0)])
def test_a_tone_lasts_as_long_as_ordered_but_at_most_a_minute(seconds, lasts):
    assert len(tone(seconds, 440)) == lasts * BYTES_PER_SECOND


@pytest.mark.parametrize("hertz", [220.0, 1000.0])
def test_a_tone_has_its_pitch_and_begins_and_ends_softly(hertz):
    samples = np.frombuffer(tone(1.0, hertz), "<i2").astype(float)

    assert np.abs(np.fft.rfft(samples)).argmax() * SAMPLE_RATE / len(samples) == hertz
    assert max(abs(samples[0]), abs(samples[-1])) < 200
    assert np.abs(samples).max() > 10_000
