"""espeak-ng's speaker with its real child process."""
# ruff: noqa: RUF001 - IPA

import asyncio
import os
import wave

import numpy as np
import psutil
import pytest

from voice.speaking.espeak import library, process
from voice.speaking.espeak_speaker import EspeakSpeaker
from voice.speaking.speaker import Voice, VoiceMissing, VoiceUnknown
from voice.speaking.utterance import SAMPLE_RATE

HELLO = "Hello there, Bob!"


@pytest.fixture
async def speaker():
    speaker = EspeakSpeaker()
    yield speaker
    await speaker.close()


def loudness(pcm: bytes) -> float:
    return float(np.sqrt(np.mean(np.frombuffer(pcm, "<i2").astype(float) ** 2)))


async def test_speech_is_24_khz_sound_with_a_mark_for_every_word(speaker):
    utterance = await speaker.synthesize(HELLO, Voice())

    assert 1.0 < utterance.seconds < 2.5
    assert loudness(utterance.pcm) > 500
    assert [HELLO[mark.position :].split()[0] for mark in utterance.words] == ["Hello", "there,", "Bob!"]
    starts = [mark.start_ms for mark in utterance.words]
    assert starts == sorted(starts)
    assert starts[-1] / 1000 < utterance.seconds


async def test_phonemes_are_ipa_with_a_pause_at_the_comma(speaker):
    utterance = await speaker.synthesize(HELLO, Voice())

    sounds = [mark.ipa for mark in utterance.phonemes]
    assert sounds[:4] == ["h", "ə", "l", "ˈoʊ"]
    bob = next(mark.start_ms for mark in utterance.words if mark.position == HELLO.index("Bob"))
    assert "" in [mark.ipa for mark in utterance.phonemes if mark.start_ms <= bob]


async def test_a_faster_voice_makes_a_shorter_utterance(speaker):
    slow = await speaker.synthesize(HELLO, Voice(rate=120))
    fast = await speaker.synthesize(HELLO, Voice(rate=300))

    assert fast.seconds < slow.seconds * 0.6


async def test_markup_is_spoken_as_text(speaker):
    plain = await speaker.synthesize("silence", Voice())
    marked = await speaker.synthesize('<audio src="/etc/passwd"/> silence', Voice())

    assert marked.seconds > plain.seconds + 1


async def test_overlapping_requests_get_their_own_answers(speaker):
    texts = ["one", "a much longer sentence than the others", "three"]

    utterances = await asyncio.gather(*(speaker.synthesize(text, Voice()) for text in texts))

    assert [utterance.text for utterance in utterances] == texts
    assert max(utterances, key=lambda utterance: utterance.seconds).text == texts[1]


async def test_the_request_after_a_cancelled_one_gets_its_own_answer(speaker):
    await speaker.open()
    abandoned = asyncio.create_task(speaker.synthesize("word " * 50, Voice()))
    await asyncio.sleep(0)
    abandoned.cancel()
    with pytest.raises(asyncio.CancelledError):
        await abandoned

    utterance = await speaker.synthesize("short", Voice())

    assert utterance.text == "short"
    assert utterance.seconds < 1.5


async def test_a_killed_speech_process_is_replaced(speaker, caplog):
    before = psutil.Process().children()
    await speaker.open()
    (child,) = set(psutil.Process().children()) - set(before)
    child.kill()

    utterance = await speaker.synthesize(HELLO, Voice())

    assert utterance.seconds > 1


async def test_closing_leaves_no_process_behind(speaker):
    before = {child.pid for child in psutil.Process().children()}
    await speaker.open()
    started = {child.pid for child in psutil.Process().children()} - before

    await speaker.close()

    assert started
    assert not started & set(psutil.pids())


async def test_an_unknown_voice_is_named_in_the_error(speaker):
    with pytest.raises(VoiceUnknown, match="no-such-voice"):
        await speaker.synthesize(HELLO, Voice("no-such-voice"))


async def test_the_error_for_missing_espeak_says_what_to_install(speaker, tmp_path, monkeypatch):
    # Hide the library from the child process: neither the package nor a system library is found.
    (tmp_path / "sitecustomize.py").write_text(
        "import ctypes.util, importlib.util\n"
        "ctypes.util.find_library = lambda name: None\n"
        "real = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'espeakng_loader' else real(name, *rest)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    with pytest.raises(VoiceMissing, match="espeakng-loader"):
        await speaker.open()


async def test_a_speech_process_that_cannot_start_is_a_missing_voice(speaker, monkeypatch):
    monkeypatch.setattr(process, "PROJECT", process.PROJECT / "docs")

    with pytest.raises(VoiceMissing, match="did not start"):
        await speaker.open()


async def test_voice_data_with_a_long_path_gets_a_short_link(tmp_path):
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)

    data = library.VoiceData(deep)

    assert data.path is not None
    assert len(data.path) <= library.LONGEST_DATA_PATH
    assert deep.samefile(os.fsdecode(data.path))


@pytest.mark.parametrize(
    "code", ["en-us", "en", "de", "fr", "es-419", "pt-br", "cmn", "ja", "ko", "hi", "nb"]
)
async def test_the_voices_of_the_languages_exist(speaker, code):
    utterance = await speaker.synthesize("12", Voice(f"{code}+f3"))

    assert utterance.seconds > 0.2


async def test_speech_can_be_written_to_a_wave_file(speaker, tmp_path):
    utterance = await speaker.synthesize(HELLO, Voice())

    with wave.open(str(tmp_path / "hello.wav"), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes(utterance.pcm)

    with wave.open(str(tmp_path / "hello.wav")) as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(utterance.seconds)
