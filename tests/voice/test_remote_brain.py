"""The remote brain against an OpenAI-compatible chat service on loopback that works, stalls, breaks or lies."""

import asyncio
import logging
import sys
from contextlib import aclosing, asynccontextmanager

import pytest

from rigs.services.speech_service import KEY, body, delta, events, hanging, speech_service, status
from voice.answering.offline_brain import OfflineBrain
from voice.answering.remote_brain import LONGEST_HISTORY, RemoteBrain
from voice.factory import build_brain
from voice.settings import Endpoint, SpeechSettings

PROMPT = "You are Ava. We open at nine in the morning."
QUESTION = "When do you open?"
OFFLINE = ["We open at nine in the morning."]
DONE = "data: [DONE]"
WELL = events(
    delta(role="assistant"),
    delta("At nine"),
    delta(" sharp. "),
    delta("Not later."),
    delta(finish="stop"),
    DONE,
)


@asynccontextmanager
async def asking(answer, **endpoint):
    """A service that answers with `answer`, and a brain that asks it."""
    async with speech_service(answer) as service:
        settings = SpeechSettings(llm=service.endpoint(**endpoint))
        remote = build_brain(settings, name="Ava", prompt=PROMPT, faqs=["Q: Dogs? A: Welcome."])
        try:
            yield service, remote
        finally:
            await remote.close()


async def said(remote, text=QUESTION):
    return [sentence async for sentence in remote.reply(text)]


async def test_the_answer_comes_sentence_by_sentence():
    async with asking(WELL) as (_, remote):
        assert await said(remote) == ["At nine sharp. ", "Not later."]


async def test_a_sentence_is_handed_over_before_the_next_one_arrives():
    async with asking(events(delta("It is nine o'clock. "), delta("And"), then="hang")) as (service, remote):
        async with aclosing(remote.reply(QUESTION)) as reply:
            assert await anext(reply) == "It is nine o'clock. "

        await asyncio.wait_for(service.given_up.wait(), 10)


async def test_a_short_first_sentence_is_joined_to_the_next():
    async with asking(events(delta("Yes. "), delta("We do. "), delta("Always."), DONE)) as (_, remote):
        assert await said(remote) == ["Yes. We do. Always."]

    hanging_on = events(delta("Oh, I see. "), delta("Well. "), delta("No"), then="hang")
    async with asking(hanging_on) as (_, remote), aclosing(remote.reply(QUESTION)) as reply:
        assert await anext(reply) == "Oh, I see. Well. "


async def test_cancelling_an_answer_ends_the_request():
    async with asking(hanging) as (service, remote):
        answering = asyncio.create_task(said(remote))
        while not service.asked:
            await asyncio.sleep(0)
        answering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await answering

        await asyncio.wait_for(service.given_up.wait(), 10)


async def test_a_request_has_the_context_and_the_history():
    async with asking(WELL) as (service, remote):
        remote.remember("user", "Hello.")
        remote.remember("assistant", "Hi!")
        remote.remember("user", QUESTION)
        await said(remote)

    (request,) = service.asked
    system, *others = request["messages"]
    assert request["model"] == "a-model"
    assert system["role"] == "system"
    assert PROMPT in system["content"]
    assert "Q: Dogs? A: Welcome." in system["content"]
    assert others == [
        {"role": "user", "content": "Hello."},
        {"role": "assistant", "content": "Hi!"},
        {"role": "user", "content": QUESTION},
    ]


async def test_a_question_that_was_not_remembered_is_sent_once_and_not_kept():
    async with asking(WELL) as (service, remote):
        await said(remote, "One?")
        await said(remote, "Two?")

    assert [message["content"] for message in service.asked[1]["messages"][1:]] == ["Two?"]


async def test_old_messages_are_forgotten():
    async with asking(WELL) as (service, remote):
        for number in range(3 * LONGEST_HISTORY):
            remote.remember("user", str(number))
        await said(remote)

    assert len(service.asked[0]["messages"]) == LONGEST_HISTORY + 2


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(events(delta("At nine sharp.")), id="no end mark at all"),
        pytest.param(
            events(delta("At nine sharp."), delta(finish="stop"), then="hang"), id="no end after the finish"
        ),
        pytest.param(
            events(delta("At nine sharp."), delta(finish="stop"), then="break"), id="broken after the finish"
        ),
        pytest.param(
            events(delta(role="assistant"), delta(""), delta("At nine sharp."), DONE), id="role only"
        ),
        pytest.param(events('data: {"choices": []}', delta("At nine sharp."), DONE), id="empty choices"),
        pytest.param(
            events(delta("At nine sharp."), 'data: {"usage": {"total_tokens": 3}}', DONE), id="no choices"
        ),
        pytest.param(
            events(delta(reasoning_content="Hm. Nine."), delta("At nine sharp."), DONE), id="reasoning"
        ),
        pytest.param(
            events(delta("<thi"), delta("nk>Hm. Nine.</th"), delta("ink>\n\nAt nine sharp."), DONE),
            id="think",
        ),
        pytest.param(events(": a comment", delta("At nine sharp."), DONE), id="comments"),
        pytest.param(events('data: {"choices": [null]}', delta("At nine sharp."), DONE), id="null choice"),
        pytest.param(
            events('data: {"choices": [{"delta": null}]}', delta("At nine sharp."), DONE), id="null delta"
        ),
        pytest.param(events(delta("At nine sharp.", finish="stop"), DONE), id="text in the last chunk"),
        pytest.param(events(delta("At nine "), delta("sharp.", finish=""), DONE), id="empty finish reason"),
    ],
)
async def test_unusual_streams_are_understood(answer, caplog):
    async with asking(answer, timeout=20) as (_, remote):
        assert await said(remote) == ["At nine sharp."]

    assert not caplog.records


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (status(401), "status 401"),
        (status(404), "status 404"),
        (status(429, **{"Retry-After": "60"}), "status 429"),
        (status(500), "status 500"),
        (body("<html>It works!</html>", "text/html"), "empty"),
        (body('{"choices": []}'), "empty"),
        (events("data: {garbage"), "cannot be read"),
        (events("data: 5", "data: []", 'data: "x"', 'data: {"choices": 5}', DONE), "empty"),
        (events('data: {"error": {"message": "overloaded"}}'), "APIError"),
        (events(delta("  \n")), "empty"),
        (events(delta("At ni"), then="break"), "broke off"),
        (hanging, "no answer in 0.2 s"),
        (events(delta("At ni"), then="hang"), "no answer in 0.2 s"),
    ],
)
async def test_the_offline_brain_answers_for_a_service_that_fails(answer, reason, caplog):
    async with asking(answer, timeout=0.2 if "0.2" in reason else 10) as (_, remote):
        assert await said(remote) == OFFLINE

    (warning,) = caplog.messages
    assert "LLM" in warning
    assert reason in warning
    assert "the offline brain answers" in warning
    assert KEY not in caplog.text
    assert QUESTION not in caplog.text


@pytest.mark.parametrize("then", ["break", "hang"])
async def test_an_answer_ends_where_the_service_fails_midway(then, caplog):
    async with asking(events(delta("At nine sharp. "), delta("Exc"), then=then), timeout=0.5) as (_, remote):
        assert await said(remote) == ["At nine sharp. "]

    assert "the answer ends after its last whole sentence" in caplog.text


async def test_a_service_that_timed_out_is_not_called_for_a_while(caplog):
    async with asking(hanging, timeout=0.2) as (service, remote):
        await said(remote)
        service.answer = WELL

        assert await said(remote) == OFFLINE

    assert len(service.asked) == 1
    assert len(caplog.records) == 1


async def test_a_service_that_refused_is_called_again():
    async with asking(status(500)) as (service, remote):
        await said(remote)
        service.answer = WELL

        assert await said(remote) == ["At nine sharp. ", "Not later."]


async def test_the_offline_brain_answers_where_no_service_listens(caplog):
    unused_port = Endpoint("http://127.0.0.1:9/v1", "a-model", KEY)
    remote = build_brain(SpeechSettings(llm=unused_port), name="Ava", prompt=PROMPT)

    assert await said(remote) == OFFLINE

    await remote.close()
    assert "connection failed" in caplog.text


@pytest.mark.parametrize("key", ["", KEY])
async def test_a_service_gets_its_own_key_and_no_other_identity(key, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "another key")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-the-machine")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-of-the-machine")
    async with asking(WELL, key=key) as (service, remote):
        await said(remote)

    (headers,) = service.headers
    assert headers["Authorization"] == f"Bearer {key or 'none'}"
    assert "another key" not in str(headers)
    assert not [name for name in headers if name.startswith("OpenAI-")]


async def test_a_key_that_no_header_can_hold_is_not_logged(caplog):
    async with asking(WELL, key="ключ") as (_, remote):
        assert await said(remote) == OFFLINE

    assert "ключ" not in caplog.text


async def test_the_offline_brain_answers_without_the_client_library(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "openai", None)
    async with asking(WELL) as (_, remote):
        await remote.open()

        assert await said(remote) == OFFLINE

    assert "pip install openai" in caplog.text


async def test_a_session_llm_takes_precedence_over_the_settings():
    async with speech_service(WELL) as settings, speech_service(events(delta("I am grumpy."), DONE)) as own:
        remote = build_brain(
            SpeechSettings(llm=settings.endpoint()), name="Ava", prompt=PROMPT, llm=own.endpoint()
        )

        assert await said(remote) == ["I am grumpy."]

        await remote.close()
    assert not settings.asked


async def test_a_brain_can_be_opened_ahead_and_used_after_closing(caplog):
    caplog.set_level(logging.INFO, "voice")
    async with asking(WELL) as (_, remote):
        await remote.open()
        await remote.close()
        await remote.close()

        assert await said(remote)

    assert not caplog.records


def test_a_brain_without_an_endpoint_is_the_offline_brain():
    assert isinstance(build_brain(SpeechSettings(), name="Ava", prompt=PROMPT), OfflineBrain)
    assert not isinstance(build_brain(SpeechSettings(), name="Ava", prompt=PROMPT), RemoteBrain)
