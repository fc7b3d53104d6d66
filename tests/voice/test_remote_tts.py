"""The remote speaker against an OpenAI-compatible service on loopback that sends sound, errors or nonsense."""

import io
import wave
from contextlib import asynccontextmanager

import numpy as np
import pytest

from rigs.services.speech_service import KEY, body, hanging, speech_service, status
from voice.factory import build_speaker
from voice.settings import SpeechSettings
from voice.speaking import remote_speaker
from voice.speaking.espeak_speaker import EspeakSpeaker
from voice.speaking.speaker import Voice
from voice.speaking.utterance import BYTES_PER_SECOND

TEXT = "Hello there, Bob!"
SOUND = (8_000 * np.sin(np.arange(24_000) / 20)).astype("<i2").tobytes()  # one second
PCM = "audio/pcm"


def wav(pcm: bytes, *, rate: int = 24_000, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((channels, 2, rate, 0, "NONE", ""))
        sound.writeframes(pcm)
    return file.getvalue()


def streamed(wav_file: bytes) -> bytes:
    """Give the file the header of a server that does not know the length yet."""
    return wav_file[:4] + b"\xff\xff\xff\x7f" + wav_file[8:40] + b"\xff\xff\xff\x7f" + wav_file[44:]


def with_rate(wav_file: bytes, rate: int) -> bytes:
    """Write another sample rate into the header."""
    return wav_file[:24] + rate.to_bytes(4, "little") + wav_file[28:]


@asynccontextmanager
async def speaking(answer, timeout=10.0):
    async with speech_service(answer) as service:
        remote = build_speaker(SpeechSettings(tts=service.endpoint(timeout=timeout), tts_voice="nova"))
        try:
            yield service, remote
        finally:
            await remote.close()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(body(SOUND, PCM), id="pcm"),
        pytest.param(body(SOUND, "application/octet-stream"), id="no type"),
        pytest.param(body(SOUND + b"\x01", PCM), id="half a sample"),
        pytest.param(body(wav(SOUND), "audio/wav"), id="wav"),
        pytest.param(body(streamed(wav(SOUND)), "audio/wav"), id="streamed wav"),
    ],
)
async def test_an_utterance_has_the_sound_of_the_service(answer):
    async with speaking(answer) as (_, remote):
        utterance = await remote.synthesize(TEXT, Voice())

    assert utterance.pcm == SOUND
    assert utterance.phonemes == ()


async def test_word_marks_are_estimated_from_the_text():
    async with speaking(body(SOUND, PCM)) as (_, remote):
        utterance = await remote.synthesize(TEXT, Voice())

    assert [TEXT[mark.position :].split()[0] for mark in utterance.words] == ["Hello", "there,", "Bob!"]
    starts = [mark.start_ms for mark in utterance.words]
    assert starts == sorted(starts)
    assert starts[0] == 0
    assert starts[-1] < 1000


async def test_a_wav_of_another_rate_is_resampled():
    async with speaking(body(wav(SOUND[:32_000], rate=16_000), "audio/wav")) as (_, remote):
        utterance = await remote.synthesize(TEXT, Voice())

    assert utterance.seconds == pytest.approx(1.0, abs=0.001)


async def test_a_request_has_the_voice_of_the_settings_and_the_speed():
    async with speaking(body(SOUND, PCM)) as (service, remote):
        await remote.synthesize(TEXT, Voice())
        await remote.synthesize(TEXT, Voice(rate=round(Voice().rate * 1.2)))

    usual, quick = service.asked
    assert usual == {"model": "a-model", "voice": "nova", "input": TEXT, "response_format": "pcm"}
    assert quick == usual | {"speed": 1.2}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (status(401), "status 401"),
        (status(429), "status 429"),
        (status(500), "status 500"),
        (body(b"", PCM), "no sound"),
        (body("<html>", "text/html"), "text/html"),
        (body('{"error": "no such voice"}'), "application/json"),
        (body(b"ID3\x03" + SOUND, "audio/mpeg"), "audio/mpeg"),
        (body(wav(SOUND, channels=2), "audio/wav"), "16-bit mono"),
        (body(with_rate(wav(SOUND), 4_000_000_000), "audio/wav"), "a WAV file of 4000000000 Hz"),
        (body(b"RIFF....nothing", "audio/wav"), "cannot be read"),
        (hanging, "no answer in 0.2 s"),
    ],
)
async def test_the_offline_voice_speaks_for_a_service_that_fails(answer, reason, caplog):
    async with speaking(answer, timeout=0.2 if "0.2" in reason else 10) as (_, remote):
        utterance = await remote.synthesize(TEXT, Voice())

    assert utterance.seconds > 1
    assert utterance.phonemes
    (warning,) = caplog.messages
    assert "TTS" in warning
    assert reason in warning
    assert "the offline voice speaks" in warning
    assert KEY not in caplog.text
    assert TEXT not in caplog.text


async def test_a_service_that_sends_sound_without_end_is_cut_off(monkeypatch, caplog):
    monkeypatch.setattr(remote_speaker, "LONGEST", BYTES_PER_SECOND // 2)
    async with speaking(body(SOUND, PCM)) as (_, remote):
        utterance = await remote.synthesize(TEXT, Voice())

    assert utterance.phonemes
    assert "more than" in caplog.text


async def test_an_opened_speaker_speaks_by_the_service():
    async with speaking(body(SOUND, PCM)) as (_, remote):
        await remote.open()

        assert (await remote.synthesize(TEXT, Voice())).pcm == SOUND


def test_a_speaker_without_an_endpoint_is_espeak():
    assert isinstance(build_speaker(SpeechSettings()), EspeakSpeaker)
