"""The remote recogniser against an OpenAI-compatible service on loopback, with the offline one as its fallback."""

import asyncio
import io
import json
import sys
import wave
from contextlib import asynccontextmanager

import pytest

from rigs.services.speech_service import KEY, body, hanging, speech_service, status
from rigs.sound.microphone_sound import spoken
from voice.factory import build_recognizer
from voice.hearing.recognizer import Transcript
from voice.settings import SpeechSettings

TEXTS = ["We are open from seven to six.", "A cappuccino costs three euros sixty."]
QUESTION = "What are your opening hours?"


@asynccontextmanager
async def listening(answer, *, timeout=10.0, language="en"):
    async with speech_service(answer) as service:
        settings = SpeechSettings(stt=service.endpoint(timeout=timeout))
        remote = build_recognizer(settings, texts=TEXTS, language=language)
        try:
            yield service, remote
        finally:
            await remote.close()


async def heard(remote, sound: bytes) -> Transcript:
    await remote.open()
    recognition = remote.listen()
    for start in range(0, len(sound), 6_400):
        await recognition.feed(sound[start : start + 6_400])
    return await recognition.finish()


@pytest.fixture
async def question():
    return await spoken(QUESTION)


async def test_an_utterance_is_sent_as_a_wav_file(question):
    async with listening(body('{"text": " Four  euros. "}'), language="de-AT") as (service, remote):
        assert await heard(remote, question) == Transcript("Four euros.", 1.0)

    (asked,) = service.asked
    with wave.open(io.BytesIO(asked.pop("file"))) as recording:
        assert recording.getparams()[:3] == (1, 2, 16_000)
        assert recording.readframes(recording.getnframes()) == question
    assert asked == {"model": "a-model", "language": "de", "response_format": "json"}


@pytest.mark.parametrize("text", ["", " ", "\n"])
async def test_an_empty_answer_is_an_empty_transcript(text, question):
    async with listening(body(json.dumps({"text": text}))) as (_, remote):
        assert await heard(remote, question) == Transcript("", 0.0)


async def test_a_click_is_not_sent():
    async with listening(body('{"text": "Thank you for watching."}')) as (service, remote):
        assert await heard(remote, bytes(1_000)) == Transcript("", 0.0)

    assert not service.asked


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (status(401), "status 401"),
        (status(429), "status 429"),
        (status(500), "status 500"),
        (body("<html>It works!</html>", "text/html"), "no text"),
        (body("{garbage"), "cannot be read"),
        (body("{}"), "no text"),
        (body('{"text": 5}'), "no text"),
        (hanging, "no answer in 0.2 s"),
    ],
)
async def test_the_offline_recogniser_listens_for_a_service_that_fails(answer, reason, question, caplog):
    async with listening(answer, timeout=0.2 if "0.2" in reason else 10) as (_, remote):
        transcript = await heard(remote, question)

    assert transcript.text == QUESTION
    assert 0 < transcript.confidence <= 1
    (warning,) = caplog.messages
    assert "STT" in warning
    assert reason in warning
    assert "the offline recogniser listens" in warning
    assert KEY not in caplog.text
    assert QUESTION not in caplog.text


@pytest.mark.parametrize("language", ["de", "fr"])
async def test_an_utterance_in_a_language_without_fallback_is_not_understood(language, question, caplog):
    async with listening(status(500), language=language) as (_, remote):
        assert await heard(remote, question) == Transcript("", 0.0)

    assert "the utterance is not understood" in caplog.text


async def test_the_offline_recogniser_listens_without_having_been_opened(question):
    async with listening(status(500)) as (_, remote):
        recognition = remote.listen()
        await recognition.feed(question)

        assert (await recognition.finish()).text == QUESTION


async def test_the_service_transcribes_without_pocketsphinx(monkeypatch, question):
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    async with listening(body('{"text": "Hello."}')) as (_, remote):
        assert (await heard(remote, question)).text == "Hello."


async def test_cancelling_a_transcript_ends_the_request(question):
    async with listening(hanging) as (service, remote):
        finishing = asyncio.create_task(heard(remote, question))
        while not service.asked:
            await asyncio.sleep(0)
        finishing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await finishing

        await asyncio.wait_for(service.given_up.wait(), 10)


async def test_an_abandoned_utterance_is_not_sent(question):
    async with listening(body('{"text": "Hello."}')) as (service, remote):
        await remote.open()
        recognition = remote.listen()
        await recognition.feed(question)
        await recognition.abandon()

    assert not service.asked
