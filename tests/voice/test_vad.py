"""Voice activity detection: utterances in real sound."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rigs.sound.microphone_sound import BRITISH, FEMALE, MALE, RATE, hiss, in_room, samples, spoken
from voice.hearing.recognizer import HearingUnavailable
from voice.hearing.vad import FRAME_BYTES, SpeechContinued, SpeechDetector, SpeechEnded, SpeechStarted

SENTENCE = "Do you have oat milk?"
BLOCK = 640  # bytes: what a 20 ms audio frame has


@pytest.fixture
def detector():
    return SpeechDetector()


@pytest.fixture(scope="module")
def sentence():
    """A function: this fixture serves every test, whatever its event loop."""
    sounds = {}

    async def sound(voice=FEMALE):
        if voice not in sounds:
            sounds[voice] = await spoken(SENTENCE, voice, pause=1.0)
        return sounds[voice]

    return sound


def events_of(detector, sound, *, guarded=False, block=BLOCK):
    return [
        event
        for start in range(0, len(sound), block)
        for event in detector.feed(sound[start : start + block], guarded=guarded)
    ]


def utterances(events):
    """Return the sound of each utterance. The last one may not have ended."""
    found = []
    for event in events:
        if isinstance(event, SpeechStarted):
            found.append(event.pcm)
        elif isinstance(event, SpeechContinued):
            found[-1] += event.pcm
    return found


def kinds(events):
    return [type(event) for event in events if not isinstance(event, SpeechContinued)]


def quieter(sound: bytes, factor: float) -> bytes:
    return samples(np.frombuffer(sound, "<i2") * factor)


@pytest.mark.parametrize("voice", [FEMALE, MALE, BRITISH])
async def test_a_sentence_is_one_utterance(detector, sentence, voice):
    events = events_of(detector, await sentence(voice))

    assert kinds(events) == [SpeechStarted, SpeechEnded]


async def test_an_utterance_begins_before_the_voice_and_holds_all_of_it(detector, sentence):
    sound = await sentence()

    (utterance,) = utterances(events_of(detector, sound))

    begin = sound.index(utterance) / 2 / RATE
    end = begin + len(utterance) / 2 / RATE
    assert 0.6 < begin < 0.8  # the voice begins at 1.0
    assert end > len(sound) / 2 / RATE - 1.0  # and ends 1.0 before the sound does


async def test_two_sentences_with_a_pause_are_two_utterances(detector, sentence):
    events = events_of(detector, await sentence() + await sentence(MALE))

    assert kinds(events) == [SpeechStarted, SpeechEnded] * 2


async def test_a_short_pause_does_not_end_an_utterance(sentence):
    sound = await sentence()
    voice = sound[2 * RATE : -2 * RATE]
    pause = samples(hiss(RATE // 4, 40.0))
    end = sound[-2 * RATE :]

    assert kinds(events_of(SpeechDetector(), voice + pause + voice + end)) == [SpeechStarted, SpeechEnded]
    assert len(utterances(events_of(SpeechDetector(hangover=0.1), voice + pause + voice + end))) == 2


@pytest.mark.parametrize("loudness", [0.0, 5.0, 40.0, 400.0, 1_000.0])
def test_noise_starts_no_utterance(detector, loudness):
    assert not events_of(detector, samples(hiss(5 * RATE, loudness)))


def test_clicks_start_no_utterance(detector):
    clicks = hiss(5 * RATE, 20.0)
    for start in range(0, len(clicks) - 160, RATE // 3):
        clicks[start : start + 160] += 12_000 * np.sin(np.arange(160) / 3)

    assert not events_of(detector, samples(clicks))


def test_a_hum_too_faint_for_a_voice_starts_no_utterance(detector):
    assert not events_of(detector, samples(50 * np.sin(np.arange(3 * RATE) / 12)))


async def test_the_echo_of_the_avatar_starts_no_utterance_while_guarded(detector, sentence):
    echo = quieter(await sentence(), 0.15)

    assert not events_of(detector, echo, guarded=True)
    assert kinds(events_of(SpeechDetector(), echo)) == [SpeechStarted, SpeechEnded]


@pytest.mark.parametrize("voice", [FEMALE, MALE, BRITISH])
async def test_a_person_who_speaks_over_the_avatar_starts_an_utterance(detector, sentence, voice):
    events = events_of(detector, await sentence(voice), guarded=True)

    assert kinds(events)[:1] == [SpeechStarted]


async def test_a_quiet_person_can_interrupt_once_their_loudness_is_known(detector, sentence):
    quiet = quieter(await sentence(), 0.3)

    assert not utterances(events_of(SpeechDetector(), quiet, guarded=True))
    events_of(detector, quiet)

    assert utterances(events_of(detector, quiet, guarded=True))


async def test_a_reset_drops_the_utterance_under_way(detector, sentence):
    sound = await sentence()
    begun = events_of(detector, sound[: 3 * RATE])
    assert kinds(begun) == [SpeechStarted]

    detector.reset()

    assert not events_of(detector, samples(hiss(RATE, 40.0)))
    assert kinds(events_of(detector, sound)) == [SpeechStarted, SpeechEnded]


async def test_endless_speech_is_cut_into_utterances(detector, sentence):
    voice = (await sentence())[2 * RATE : -2 * RATE]

    events = events_of(detector, voice * (70 * RATE * 2 // len(voice)), block=RATE)

    assert kinds(events)[:3] == [SpeechStarted, SpeechEnded, SpeechStarted]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 5_000), max_size=30))
def test_utterances_do_not_depend_on_the_size_of_the_pieces(sizes):
    tone = in_room(samples(6_000 * np.sign(np.sin(np.arange(RATE) / 20))), pause=0.6, noise=40.0)
    whole = SpeechDetector().feed(tone)
    detector, pieces, start = SpeechDetector(), [], 0

    for size in [*sizes, len(tone)]:
        pieces += detector.feed(memoryview(tone)[start : start + size])
        start += size

    assert kinds(whole)
    assert kinds(pieces) == kinds(whole)
    assert utterances(pieces) == utterances(whole)


def test_an_incomplete_frame_waits_for_the_rest(detector):
    assert detector.feed(bytes(FRAME_BYTES - 1)) == []
    assert detector.feed(b"\0") == []


def test_the_error_for_missing_webrtcvad_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "webrtcvad", None)

    with pytest.raises(HearingUnavailable, match=r"pip install webrtcvad-wheels.*[Tt]yped text works"):
        SpeechDetector()
