"""Words as they are spoken, sounded and written: the text side of understanding speech."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voice.expectations import Expectations
from voice.pronunciation import pronunciations
from voice.spoken import spoken_words
from voice.written import Writing

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
    return lambda word: pronunciations([word], dictionary).get(word)


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
def test_words_are_looked_up_put_together_or_guessed(sounds, word, phones):
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
def test_text_is_spoken_in_words(text, words):
    assert " ".join(spoken_words(text)) == words


@given(st.text())
def test_any_text_has_plain_words(text):
    assert all(word.replace("'", "").isalpha() for word in spoken_words(text))


@settings(deadline=None)
@given(st.lists(st.text(max_size=80), max_size=4))
def test_any_texts_make_a_corpus(texts):
    expectations = Expectations(texts)

    assert expectations.lines()
    assert expectations.understand("what is your name") == ("what is your name", 1.0)


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
def test_words_are_written_as_people_do(words, written):
    assert Writing(TEXTS).write(words) == written


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
def test_what_is_nearly_expected_is_understood_and_muddle_is_not(heard, meant):
    text, confidence = Expectations(TEXTS).understand(heard)

    assert text == meant
    assert (confidence > 0) == bool(meant)


def test_what_is_named_often_and_in_headings_is_expected_most():
    lines = Expectations(TEXTS).lines()

    assert sum("liveavatar" in line for line in lines) > 2 * sum("needed" in line for line in lines)
