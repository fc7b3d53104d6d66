"""Sound that is not 24 kHz mono signed 16-bit PCM is recognised and named."""

import asyncio
import io
import wave
from collections.abc import Callable

import numpy as np
import pytest

from liveavatar.pcm import RATE
from liveavatar.pcm_check import Fault, PcmCheck
from voice.factory import build_speaker
from voice.settings import SpeechSettings
from voice.speaking.speaker import Voice

TEXTS = [
    ("en-us+f3", "Good morning! The shop opens at nine, and dogs are welcome."),
    ("en-us+Mike", "She sells sea shells; sixty-six of them, in fact."),
]


@pytest.fixture(scope="module", params=TEXTS, ids=["female", "male"])
def speech(request: pytest.FixtureRequest) -> bytes:
    """24 kHz PCM of a person speaking."""
    voice, text = request.param

    async def spoken() -> bytes:
        mouth = build_speaker(SpeechSettings())
        try:
            return (await mouth.synthesize(text, Voice(voice))).pcm
        finally:
            await mouth.close()

    return asyncio.run(spoken())


def faults(pcm: bytes, *, piece: int = 4800, speed: float = 1000.0, rate: int = RATE) -> set[Fault]:
    """Return what is found in `pcm` that arrives in pieces, `speed` times as fast as it is heard at `rate` Hz."""
    check = PcmCheck()
    return {
        finding.fault
        for at in range(0, len(pcm), piece)
        for finding in check.look(pcm[at : at + piece], at / 2 / rate / speed)
    }


def samples(pcm: bytes) -> np.ndarray:
    return np.frombuffer(pcm, "<i2")


def as_wav(pcm: bytes) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm)
    return buffer.getvalue()


def test_good_speech_passes_in_pieces_of_any_size(speech: bytes) -> None:
    for piece in (320, 960, 4800, 48_000, len(speech)):
        assert faults(speech, piece=piece) == set()


def test_good_speech_passes_at_the_pace_of_a_live_source(speech: bytes) -> None:
    assert faults(speech * 2, speed=1.0) == set()


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (as_wav, Fault.CONTAINER),
        (lambda pcm: b"ID3\x04" + pcm, Fault.CONTAINER),
        (lambda pcm: b"\xff\xfb\x90\x64" + pcm, Fault.CONTAINER),
        (lambda pcm: b"OggS" + pcm, Fault.CONTAINER),
        (lambda pcm: (samples(pcm) / 32768).astype("<f4").tobytes(), Fault.FLOAT),
        (lambda pcm: np.repeat(samples(pcm), 2).tobytes(), Fault.STEREO),
        (lambda pcm: pcm[: len(pcm) // 2 * 2 - 1], Fault.ODD_LENGTH),
        (lambda pcm: bytes(4 * len(pcm)), Fault.SILENT),
        (lambda pcm: np.clip(samples(pcm) * 12.0, -32768, 32767).astype("<i2").tobytes(), Fault.CLIPPED),
    ],
)
def test_each_fault_is_recognised(speech: bytes, spoil: Callable[[bytes], bytes], fault: Fault) -> None:
    assert faults(spoil(speech)) == {fault}


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_the_rate_of_a_live_source_is_measured(speech: bytes, rate: int) -> None:
    found = faults(speech * 6, speed=1.0, rate=rate, piece=rate // 25 * 2)

    assert found == {Fault.RATE}


def test_a_fault_is_reported_once_and_says_what_to_do() -> None:
    check = PcmCheck()

    first = check.look(b"\0" * 4801, 0.0)
    second = check.look(b"\0" * 4801, 0.1)

    assert [str(finding) for finding in first] == [
        "a piece of 4801 bytes ends in the middle of a sample: keep the two bytes of a sample together"
    ]
    assert second == []


def test_a_test_tone_passes() -> None:
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(RATE * 4) / RATE)).astype("<i2").tobytes()

    assert faults(tone) == set()


def test_an_answer_made_in_bursts_passes_whatever_its_average_pace(speech: bytes) -> None:
    sentence = speech[:48_000]
    for pause in (0.2, 0.4, 0.7, 1.1, 1.6, 2.3):
        check = PcmCheck()
        found = [
            finding
            for number in range(40)
            for at in range(0, len(sentence), 4800)
            for finding in check.look(sentence[at : at + 4800], number * pause + at / 4_800_000)
        ]

        assert found == [], pause


def test_a_stream_that_ends_early_is_judged_at_its_end(speech: bytes) -> None:
    check = PcmCheck()
    floats = (samples(speech)[4800:9600] / 32768).astype("<f4").tobytes()[:12_000]

    assert check.look(floats, 0.0) == []
    assert [finding.fault for finding in check.conclude()] == [Fault.FLOAT]
    assert PcmCheck().conclude() == []
