"""The avatar's own voice in the user's microphone, and people who want to be heard over it. No room, no clock."""

import numpy as np
import pytest

from simulator.avatar.echo import EchoGuard
from simulator.avatar.hearing import FRAME_MS, SAMPLE_RATE
from voice.hearing.vad import SpeechDetector, SpeechStarted
from voice.speaking.espeak_speaker import EspeakSpeaker
from voice.speaking.resample import resample
from voice.speaking.speaker import Voice
from voice.speaking.utterance import SAMPLE_RATE as SPOKEN_RATE

FRAME = SAMPLE_RATE * FRAME_MS // 1000
HISS = 10.0  # RMS of 16-bit samples
SPEECH = (
    "LiveAvatar puts a talking avatar with a face and a voice into a web page. People use it for customer support, "
    "product demos, training, language practice and reception desks. Do you want to know more about it?"
)
AVATARS = ["en-us+f3", "en-us+Annie", "en-us+Mike", "en-gb-x-rp+f4", "en-gb-x-rp+m3"]


@pytest.fixture
async def speaker():
    speaker = EspeakSpeaker()
    yield speaker
    await speaker.close()


async def voice_of(speaker, name: str, text: str) -> np.ndarray:
    utterance = await speaker.synthesize(text, Voice(name, 165, 50))
    return np.frombuffer(resample(utterance.pcm, SPOKEN_RATE, SAMPLE_RATE), "<i2").astype(float)


def loud(voice: np.ndarray, rms: float) -> np.ndarray:
    return voice * rms / np.sqrt(np.mean(voice[np.abs(voice) > 50] ** 2))


def starts(sound: np.ndarray, known: np.ndarray | None = None) -> list[int]:
    """Where in `sound` (samples) somebody is taken to speak, while the avatar is audible.

    `known` is what the user said earlier, while it was silent.
    """
    guard = EchoGuard(lambda: True)
    detector = SpeechDetector()
    noise = np.random.default_rng(3)
    if known is not None:
        detector.feed(known.astype("<i2").tobytes())
        detector.reset()
    found = []
    for at in range(0, len(sound) - FRAME, FRAME):
        piece = sound[at : at + FRAME] + noise.normal(0, HISS, FRAME)
        pcm = np.clip(piece, -32768, 32767).astype("<i2").tobytes()
        if any(isinstance(news, SpeechStarted) for news in detector.feed(pcm, guarded=guard.needed(pcm))):
            found.append(at)
    return found


@pytest.mark.parametrize("avatar", AVATARS)
@pytest.mark.parametrize("decibels", [-20, -26, -35, -50])
async def test_the_rest_of_the_avatars_voice_interrupts_nobody(speaker, avatar, decibels):
    echo = await voice_of(speaker, avatar, SPEECH) * 10 ** (decibels / 20)
    user = loud(await voice_of(speaker, "en-us+m7", "When do you open?"), 2000)

    assert starts(echo) == []
    assert starts(echo, known=user) == []


@pytest.mark.parametrize("user", ["en-us+m7", "en-us+f2"])
async def test_a_voice_is_heard_over_the_echo(speaker, user):
    echo = await voice_of(speaker, AVATARS[0], SPEECH) * 10 ** (-26 / 20)
    begin = 2 * SAMPLE_RATE
    words = loud(await voice_of(speaker, user, "Wait a moment please."), 2000)
    echo[begin : begin + len(words)] += words

    assert begin < starts(echo)[0] < begin + SAMPLE_RATE // 2


@pytest.mark.parametrize("user", ["en-us+m7", "en-us+f2"])
async def test_where_nothing_comes_back_a_soft_voice_is_enough(speaker, user):
    sound = np.zeros(4 * SAMPLE_RATE)
    begin = 2 * SAMPLE_RATE
    words = loud(await voice_of(speaker, user, "Wait a moment please."), 300)
    sound[begin : begin + len(words)] += words

    assert begin < starts(sound)[0] < begin + SAMPLE_RATE // 2


async def test_until_it_is_known_that_nothing_comes_back_the_gate_is_up():
    guard = EchoGuard(lambda: True)
    silence = bytes(2 * FRAME)

    answers = [guard.needed(silence) for _ in range(60)]

    assert answers[0] is True
    assert answers[-1] is False
    assert answers == sorted(answers, reverse=True)


async def test_an_echo_raises_the_gate_again():
    guard = EchoGuard(lambda: True)
    loudly = np.full(FRAME, 500, "<i2").tobytes()
    for _ in range(60):
        guard.needed(bytes(2 * FRAME))

    answers = [guard.needed(loudly) for _ in range(20)]

    assert answers[0] is False
    assert answers[-1] is True


async def test_a_silent_avatar_needs_no_guard():
    guard = EchoGuard(lambda: False)

    assert not any(guard.needed(np.full(FRAME, 500, "<i2").tobytes()) for _ in range(60))
