"""Sentences, espeak-ng's languages, silent utterances and sample-rate conversion."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.speaking.espeak.languages import espeak_language, voice_for_language
from voice.speaking.resample import resample
from voice.speaking.silent_utterance import silent_utterance
from voice.text.sentences import SentenceStream, split_sentences

RATES = 22_050, 24_000


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", ["One. ", "Two! ", "Three?"]),
        ("It costs 3.50 euro. Really", ["It costs 3.50 euro. ", "Really"]),
        ("Dr. Who met J. Smith. They talked.", ["Dr. Who met J. Smith. ", "They talked."]),
        ("He said \u201cYes!\u201d Then he left.", ["He said \u201cYes!\u201d ", "Then he left."]),
        ("Use it, e.g. today.", ["Use it, e.g. today."]),
        ("\u4eca\u65e5\u306f\u3002\u5143\u6c17\uff1f", ["\u4eca\u65e5\u306f\u3002", "\u5143\u6c17\uff1f"]),
        ("- first\n- second", ["- first\n", "- second"]),
        ("Wait... what? ok", ["Wait... what? ok"]),
        ("   ", []),
        ("", []),
    ],
)
def test_text_is_cut_at_the_ends_of_sentences_only(text, sentences):
    assert split_sentences(text) == sentences


@given(st.text(min_size=1).filter(str.strip), st.integers(20, 300))
def test_joined_sentences_are_the_text(text, longest):
    pieces = split_sentences(text, longest)

    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(len(piece) <= longest for piece in pieces)


def test_a_long_sentence_is_cut_at_a_comma_rather_than_in_a_word():
    sentence = "word " * 30 + "comma, " + "word " * 30

    first, _second = split_sentences(sentence, longest=200)

    assert first.endswith("comma, ")


def in_pieces(text: str, size: int, shortest: int = 0) -> list[str]:
    stream = SentenceStream(shortest)
    pieces = [
        piece for start in range(0, len(text), size) for piece in stream.feed(text[start : start + size])
    ]
    return [*pieces, *stream.rest()]


@given(st.text(alphabet="ab AB.,?!\n\u3002", max_size=120), st.integers(1, 9), st.integers(0, 30))
def test_joined_pieces_of_a_stream_are_the_text(text, size, shortest):
    pieces = in_pieces(text, size, shortest)

    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(len(piece.strip()) >= shortest for piece in pieces[:1] if len(pieces) > 1)


@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_stream_is_cut_like_a_whole_text(size):
    text = "It costs 3.50 euro. Dr. Who paid. Really? He said \u201cYes!\u201d Then he left."

    assert in_pieces(text, size) == split_sentences(text)


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("en", "en"),
        ("en-US", "en-us"),
        ("en_GB", "en"),
        ("pt-BR", "pt-br"),
        ("pt", "pt"),
        ("zh", "cmn"),
        ("zh-CN", "cmn"),
        ("zh-HK", "yue"),
        ("no", "nb"),
        ("de-AT", "de"),
    ],
)
def test_every_language_code_has_an_espeak_voice(code, language):
    assert espeak_language(code) == language


@pytest.mark.parametrize(
    ("voice", "code", "chosen"),
    [
        ("en-us+f3", "en", "en-us+f3"),
        ("en-us+f3", "en-GB", "en-us+f3"),
        ("en-us+f3", "fr", "fr+f3"),
        ("en-us", "zh", "cmn"),
        ("cmn+m1", "zh-CN", "cmn+m1"),
    ],
)
def test_a_voice_keeps_its_timbre_in_another_language(voice, code, chosen):
    assert voice_for_language(voice, code) == chosen


def test_a_silent_utterance_takes_time_and_marks_its_words():
    text = "Hi Bob, it's me."

    utterance = silent_utterance(text)

    assert 0.9 < utterance.seconds < 3
    assert set(utterance.pcm) == {0}
    assert [mark.position for mark in utterance.words][:2] == [0, 3]
    assert "m" in [mark.ipa for mark in utterance.phonemes]
    assert utterance.phonemes[-1].ipa == ""


def tone(frequency: float, rate: int, seconds: float = 1.0) -> bytes:
    return (
        (12_000 * np.sin(2 * np.pi * frequency * np.arange(int(rate * seconds)) / rate))
        .astype("<i2")
        .tobytes()
    )


@pytest.mark.parametrize("frequency", [200, 1_000, 4_000, 8_000])
def test_resampling_keeps_a_tone_and_adds_no_audible_noise(frequency):
    converted = np.frombuffer(resample(tone(frequency, RATES[0]), *RATES), "<i2").astype(float)

    spectrum = np.abs(np.fft.rfft(converted * np.blackman(len(converted))))
    peak = int(spectrum.argmax())
    noise = np.concatenate([spectrum[: peak - 20], spectrum[peak + 20 :]]).max()
    assert peak * RATES[1] / len(converted) == pytest.approx(frequency, abs=2)
    assert 20 * np.log10(spectrum[peak] / noise) > 70


@given(st.integers(0, 5_000), st.sampled_from([RATES, (8_000, 24_000), (24_000, 16_000), (192_000, 24_000)]))
def test_resampling_keeps_the_duration(samples, rates):
    converted = resample(bytes(2 * samples), *rates)

    assert len(converted) / 2 / rates[1] == pytest.approx(samples / rates[0], abs=1 / rates[1])


def test_resampling_clips_loud_sound():
    square = np.where(np.arange(2_000) % 200 < 100, 32_767, -32_768).astype("<i2")

    converted = np.frombuffer(resample(square.tobytes(), *RATES), "<i2")

    assert converted[40:60].min() > 30_000
