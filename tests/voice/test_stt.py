"""The offline recogniser with real sound, the real decoder and the contexts of the demo."""

import asyncio
import sys
from itertools import cycle

import pytest

from rigs.sound.microphone_sound import BRITISH, FEMALE, MALE, RATE, hiss, samples, spoken
from rigs.sound.spoken_questions import ABOUT_COFFEE, COFFEE, GUIDE, OFF_TOPIC
from voice.answering.offline_brain import OfflineBrain
from voice.factory import build_recognizer
from voice.hearing.recognizer import HearingUnavailable, Transcript
from voice.settings import SpeechSettings

BLOCK = 3_200  # bytes, 0.1 s
FLAT_WHITE = "How much is a flat white?"
VOICES = [FEMALE, MALE, BRITISH]


def opened(*texts):
    @pytest.fixture
    async def offline():
        offline = build_recognizer(SpeechSettings(), texts=texts)
        await offline.open()
        yield offline
        await offline.close()

    return offline


coffee = opened(COFFEE.read_text("utf-8"))
guide = opened(GUIDE.read_text("utf-8"))
without_context = opened()


async def heard(offline, sound):
    """The interim texts and the transcript."""
    recognition = offline.listen()
    interims = [await recognition.feed(sound[start : start + BLOCK]) for start in range(0, len(sound), BLOCK)]
    return interims, await recognition.finish()


async def understood(offline, text, voice=FEMALE, **room):
    _, transcript = await heard(offline, await spoken(text, voice, **room))
    return transcript.text


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("What are your opening hours?", "opening hours"),
        ("Do you have oat milk?", "milk"),
        ("How much is a flat white?", "flat white"),
        ("Are you open on Sunday?", "Sunday"),
        ("What is your address?", "address"),
        ("Where can I find you?", "find you"),
    ],
)
async def test_questions_about_the_coffee_shop_are_understood(coffee, question, words):
    brain = OfflineBrain(name="Ava", prompt=COFFEE.read_text("utf-8"))

    for voice in VOICES:
        text = await understood(coffee, question, voice)

        assert words in text
        assert brain.answer(text) == brain.answer(question)


async def test_names_of_the_context_are_understood_and_keep_their_spelling(guide):
    assert await understood(guide, "What is LiveAvatar?", MALE) == "What is LiveAvatar?"


async def test_most_questions_get_their_answer_even_if_a_word_is_misheard(coffee):
    brain = OfflineBrain(name="Ava", prompt=COFFEE.read_text("utf-8"))

    right = [
        question.answer in brain.answer(await understood(coffee, question.text, voice))
        for question, voice in zip(ABOUT_COFFEE, cycle(VOICES), strict=False)
    ]

    assert sum(right) / len(right) > 0.85


async def test_few_questions_off_the_topic_are_taken_for_one_on_it(coffee):
    taken = [
        await understood(coffee, text, voice) for text, voice in zip(OFF_TOPIC, cycle(VOICES), strict=False)
    ]

    assert sum(map(bool, taken)) <= len(taken) * 0.15


@pytest.mark.parametrize("loudness", [0.0, 5.0, 300.0, 1_000.0])
async def test_noise_is_not_understood_as_speech(coffee, loudness):
    _, transcript = await heard(coffee, samples(hiss(2 * RATE, loudness)))

    assert transcript == Transcript("", 0.0)


@pytest.mark.parametrize("noise", [0.0, 100.0])
async def test_a_question_is_understood_in_silence_and_in_hiss(coffee, noise):
    assert await understood(coffee, FLAT_WHITE, noise=noise) == FLAT_WHITE


async def test_interim_texts_grow_while_a_sentence_is_spoken(coffee):
    interims, transcript = await heard(coffee, await spoken(FLAT_WHITE))

    assert interims[0] == ""
    assert "How much is a flat white" in interims
    assert transcript.text == FLAT_WHITE
    assert 0.9 < transcript.confidence <= 1


async def test_noise_between_two_questions_does_not_change_the_second_transcript(coffee):
    question = await spoken(FLAT_WHITE)
    before = await heard(coffee, question)

    await heard(coffee, samples(hiss(3 * RATE, 3_000.0)))

    assert await heard(coffee, question) == before


async def test_an_abandoned_utterance_is_forgotten(coffee):
    abandoned = coffee.listen()
    await abandoned.feed(await spoken("What is your address?"))
    await abandoned.abandon()
    await abandoned.abandon()

    assert await understood(coffee, FLAT_WHITE) == FLAT_WHITE
    assert await abandoned.finish() == Transcript("", 0.0)


async def test_a_newer_utterance_ends_the_older_one(coffee):
    older = coffee.listen()
    await older.feed(await spoken("What is your address?"))

    assert await understood(coffee, FLAT_WHITE) == FLAT_WHITE
    assert await older.finish() == Transcript("", 0.0)


async def test_finishing_can_be_cancelled(coffee):
    recognition = coffee.listen()
    await recognition.feed(await spoken("What is your address?"))
    finishing = asyncio.create_task(recognition.finish())
    await asyncio.sleep(0)
    finishing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await finishing
    await recognition.abandon()

    assert await understood(coffee, FLAT_WHITE) == FLAT_WHITE


@pytest.mark.parametrize("said", ["How are you?", "Thank you very much.", "What can you do?"])
async def test_small_talk_is_understood_without_a_context(without_context, said):
    assert await understood(without_context, said, MALE) == said


async def test_questions_about_facts_are_not_understood_without_a_context(without_context):
    assert await understood(without_context, OFF_TOPIC[0]) == ""


@pytest.mark.parametrize("language", ["de", "fr-FR", "zh", "ena"])
async def test_other_languages_than_english_are_refused_with_a_reason(language):
    offline = build_recognizer(SpeechSettings(), texts=[], language=language)

    with pytest.raises(HearingUnavailable, match=rf"{language}.*only English.*STT_URL.*typed text works"):
        await offline.open()

    await offline.close()


@pytest.mark.parametrize("language", ["en-GB", "EN_us"])
async def test_every_code_of_english_is_accepted(language):
    offline = build_recognizer(SpeechSettings(), texts=[], language=language)
    await offline.open()

    assert await understood(offline, "How are you?", MALE) == "How are you?"
    await offline.close()
    await offline.close()


async def test_a_recogniser_opens_at_the_first_sound():
    offline = build_recognizer(SpeechSettings(), texts=[])

    assert await understood(offline, "How are you?", MALE) == "How are you?"
    await offline.close()


async def test_an_utterance_under_way_is_not_understood_after_closing(without_context):
    recognition = without_context.listen()
    await recognition.feed(await spoken("How are you?", MALE))

    await without_context.close()

    assert await recognition.finish() == Transcript("", 0.0)
    await recognition.abandon()


async def test_a_context_may_have_any_script():
    texts = ["Caf\u00e9 na\u00efve, Stra\u00dfe 12, \u6771\u4eac, <s> (x) ++ \x00 \u0661\u0662.", "???", ""]
    offline = build_recognizer(SpeechSettings(), texts=texts)
    await offline.open()

    assert await understood(offline, "How are you?", MALE) == "How are you?"
    await offline.close()


@pytest.mark.parametrize("package", ["pocketsphinx", "rapidfuzz"])
async def test_the_error_for_a_missing_package_says_what_to_do(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    offline = build_recognizer(SpeechSettings(), texts=[])

    with pytest.raises(HearingUnavailable, match=r"pip install 'pocketsphinx.*STT_URL.*[Tt]yped text works"):
        await offline.open()

    await offline.close()


async def test_the_event_loop_runs_while_sound_is_decoded(coffee):
    sound = await spoken(FLAT_WHITE)
    recognition = coffee.listen()
    steps = 0

    decoding = asyncio.create_task(recognition.feed(sound * 3))
    while not decoding.done():
        await asyncio.sleep(0)
        steps += 1
    await recognition.abandon()

    assert steps > 10
