"""Spoken words, their pronunciation, the phrases that are expected, and how a transcript is written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voice.hearing.sphinx.expected_phrases import ExpectedPhrases
from voice.hearing.sphinx.pronunciation import find_pronunciations
from voice.hearing.sphinx.transcript_formatter import TranscriptFormatter
from voice.text.normalization import spoken_words

DICTIONARY = """avatar AE V AH T AA R
hey HH EY
kit K IH T
live L AY V
live(2) L IH V
web W EH B
"""


@pytest.fixture
def sounds(tmp_path):
    """A function: the pronunciations of one word."""
    dictionary = tmp_path / "words.dict"
    dictionary.write_text(DICTIONARY)
    return lambda word: find_pronunciations([word], dictionary).get(word)


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("avatar", ["AE V AH T AA R"]),
        ("live", ["L AY V", "L IH V"]),
        ("liveavatar", ["L AY V AE V AH T AA R", "L IH V AE V AH T AA R"]),
        ("livekit", ["L AY V K IH T", "L IH V K IH T"]),
        ("webrtc", ["W EH B AA R T IY S IY"]),
        ("http", ["EY CH T IY T IY P IY"]),
        ("rooibos", ["R UW IH B OW S"]),
        ("ship", ["SH IH P"]),
        ("\u6771\u4eac", None),
    ],
)
def test_pronunciations_are_looked_up_composed_or_guessed(sounds, word, phones):
    assert sounds(word) == phones


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's 12 Quay Street!", "it's twelve quay street"),
        ("step-free", "step free"),
        ("3.50 or 1999", "three fifty or one thousand nine hundred ninety nine"),
        ("007 and 100", "zero zero seven and one hundred"),
        ("12345678", "one two three four five six seven eight"),
        ("don\u2019t", "don't"),
        ("", ""),
    ],
)
def test_text_becomes_spoken_words(text, words):
    assert " ".join(spoken_words(text)) == words


@given(st.text())
def test_spoken_words_of_any_text_are_plain(text):
    assert all(word.replace("'", "").isalpha() for word in spoken_words(text))


@settings(deadline=None)
@given(st.lists(st.text(max_size=80), max_size=4))
def test_a_corpus_is_made_of_any_texts(texts):
    expected = ExpectedPhrases(texts)

    assert expected.corpus()
    assert expected.match("what is your name") == ("what is your name", 1.0)


TEXTS = [
    "Coffee:\nWe have good coffee at Harbour Coffee, which is on Quay Street.",
    "LiveAvatar: An API key is needed, as I said.",
]


@pytest.mark.parametrize(
    ("words", "written"),
    [
        ("what is liveavatar", "What is LiveAvatar?"),
        ("do i need an api key", "Do I need an API key?"),
        ("where is quay street", "Where is Quay Street?"),
        ("i would like a coffee", "I would like a coffee."),
        ("what", "What."),
        ("thank you", "Thank you."),
        ("", ""),
    ],
)
def test_recognised_words_get_capitals_and_punctuation(words, written):
    assert TranscriptFormatter(TEXTS).format(words) == written


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("do you have coffee", "do you have coffee"),
        ("thank you many much", "thank you very much"),
        ("what can you food", "what can you do"),
        ("are you open sunday", "are you open on sunday"),
        ("coffee coffee the street a good on", ""),
        ("", ""),
    ],
)
def test_words_close_to_an_expected_phrase_match_and_a_muddle_does_not(heard, meant):
    text, confidence = ExpectedPhrases(TEXTS).match(heard)

    assert text == meant
    assert (confidence > 0) == bool(meant)


def test_terms_named_often_or_in_headings_weigh_most():
    lines = ExpectedPhrases(TEXTS).corpus()

    assert sum("liveavatar" in line for line in lines) > 2 * sum("needed" in line for line in lines)
