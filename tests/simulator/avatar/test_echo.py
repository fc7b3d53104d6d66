"""The avatar's own voice in the user's microphone, and users who speak over it. No room, no clock."""

import numpy as np
import pytest

from simulator.avatar.echo import FRESH, WATCHED, EchoGuard
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
USERS = ["en-us+m7", "en-us+f2"]


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


def later(voice: np.ndarray, seconds: float) -> np.ndarray:
    return np.concatenate([np.zeros(round(seconds * SAMPLE_RATE)), voice])


def starts(
    sound: np.ndarray, known: np.ndarray | None = None, played: bytes = b"", audible: float = 60.0
) -> list[int]:
    """Return where in `sound` (samples) a user is taken to begin to speak.

    `known`: what the user said earlier, while the avatar was silent. `played`: what the avatar plays from the begin of
    `sound` on, 24 kHz PCM. `audible`: seconds for which the avatar counts as audible.
    """
    at = 0
    guard = EchoGuard(
        audible=lambda: at < audible * SAMPLE_RATE,
        played=lambda: bytes(SPOKEN_RATE) + played[: at * SPOKEN_RATE // SAMPLE_RATE * 2],
    )
    detector = SpeechDetector()
    noise = np.random.default_rng(3)
    if known is not None:
        detector.feed(known.astype("<i2").tobytes())
        detector.reset()
    found = []
    for at in range(0, len(sound) - FRAME, FRAME):
        piece = sound[at : at + FRAME] + noise.normal(0, HISS, FRAME)
        pcm = np.clip(piece, -32768, 32767).astype("<i2").tobytes()
        for news in detector.feed(pcm, guarded=guard.needed(pcm)):
            if isinstance(news, SpeechStarted):
                if guard.is_echo(news.pcm):
                    detector.reset()
                    break
                found.append(at)
    return found


@pytest.mark.parametrize("avatar", AVATARS)
@pytest.mark.parametrize("decibels", [-20, -26, -35, -50])
async def test_an_echo_stays_below_the_raised_gate(speaker, avatar, decibels):
    echo = await voice_of(speaker, avatar, SPEECH) * 10 ** (decibels / 20)
    user = loud(await voice_of(speaker, USERS[0], "When do you open?"), 2000)

    assert starts(echo) == []
    assert starts(echo, known=user) == []


@pytest.mark.parametrize("avatar", AVATARS)
@pytest.mark.parametrize("delay", [0.1, 0.7, 1.5, 3.0])
async def test_an_echo_begins_no_turn_however_late_it_comes(speaker, avatar, delay):
    utterance = await speaker.synthesize(SPEECH, Voice(avatar, 165, 50))
    echo = np.frombuffer(resample(utterance.pcm, SPOKEN_RATE, SAMPLE_RATE), "<i2") / 10

    assert starts(later(echo, delay), played=utterance.pcm, audible=0.0) == []
    assert starts(later(echo, delay), played=utterance.pcm, audible=utterance.seconds) == []


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("delay", [0.0, 1.5])
async def test_a_voice_is_heard_over_the_echo(speaker, user, delay):
    utterance = await speaker.synthesize(SPEECH, Voice(AVATARS[0], 165, 50))
    echo = np.frombuffer(resample(utterance.pcm, SPOKEN_RATE, SAMPLE_RATE), "<i2") / 20
    sound = later(echo, delay)
    begin = 4 * SAMPLE_RATE
    words = loud(await voice_of(speaker, user, "Wait a moment please."), 2000)
    sound[begin : begin + len(words)] += words

    assert begin < starts(sound, played=utterance.pcm)[0] < begin + SAMPLE_RATE // 2


@pytest.mark.parametrize("user", USERS)
async def test_without_an_echo_a_soft_voice_is_heard_while_the_avatar_speaks(speaker, user):
    utterance = await speaker.synthesize(SPEECH, Voice(AVATARS[0], 165, 50))
    sound = np.zeros(6 * SAMPLE_RATE)
    begin = 4 * SAMPLE_RATE
    words = loud(await voice_of(speaker, user, "Wait a moment please."), 300)
    sound[begin : begin + len(words)] += words

    assert begin < starts(sound, played=utterance.pcm)[0] < begin + SAMPLE_RATE // 2


def guard_of(audible: bool) -> EchoGuard:
    return EchoGuard(lambda: audible, lambda: b"")


async def test_the_gate_stays_up_until_no_echo_has_come_for_a_while():
    guard = guard_of(audible=True)

    answers = [guard.needed(bytes(2 * FRAME)) for _ in range(WATCHED + FRESH)]

    assert answers == [True] * (WATCHED + FRESH - 1) + [False]


async def test_the_silence_before_a_late_echo_does_not_lower_the_gate():
    guard = guard_of(audible=True)
    second = 1000 // FRAME_MS
    echo = np.full(FRAME, 500, "<i2").tobytes()

    for _ in range(5):
        assert all(guard.needed(bytes(2 * FRAME)) for _ in range(2 * second))
        assert all(guard.needed(echo) for _ in range(second))


async def test_an_echo_raises_the_gate_again():
    guard = guard_of(audible=True)
    for _ in range(WATCHED + FRESH):
        guard.needed(bytes(2 * FRAME))
    loudly = np.full(FRAME, 500, "<i2").tobytes()

    answers = [guard.needed(loudly) for _ in range(2 * FRESH)]

    assert answers[0] is False
    assert answers[-1] is True


async def test_a_silent_avatar_needs_no_raised_gate():
    guard = guard_of(audible=False)

    assert not any(guard.needed(np.full(FRAME, 500, "<i2").tobytes()) for _ in range(60))
