"""Parsing of commands and orders."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.avatar.commands import LONGEST_TEXT, BadCommand, Command, parse_command
from simulator.avatar.job import BadOrder, Job, Stop, fill_in, parse_order
from voice.settings import Endpoint
from voice.speaking.speaker import Voice

START = {
    "do": "start",
    "session_id": "s",
    "livekit_url": "ws://127.0.0.1:1",
    "avatar_token": "secret-one",
    "agent_token": "secret-two",
    "avatar": "mira",
    "quality": "medium",
    "encoding": "VP8",
    "context": {
        "name": "Cafe",
        "prompt": "We are ${place}.",
        "opening_text": "Hello ${who}, ${unknown}!",
        "links": [{"url": "https://example.org", "faq": "${who} asks"}],
    },
    "voice": {"name": "Ann", "espeak": "en-us+f3", "rate": 165, "pitch": 50},
    "language": "en",
    "interactivity_type": "PUSH_TO_TALK",
    "dynamic_variables": {"who": "Bob", "place": "here"},
}


def start_job(**changes: Any) -> Job:
    """Read the start order with some members changed."""
    job = parse_order(json.dumps(START | changes).encode())
    assert isinstance(job, Job)
    return job


@pytest.mark.parametrize(
    ("packet", "command"),
    [
        (
            {"event_type": "avatar.speak_text", "event_id": "1", "text": "Hi"},
            Command("avatar.speak_text", "1", "Hi"),
        ),
        ({"event_type": "avatar.speak_response", "text": "Hi"}, Command("avatar.speak_response", None, "Hi")),
        ({"event_type": "avatar.interrupt"}, Command("avatar.interrupt")),
        (
            {"event_type": "avatar.start_listening", "event_id": "2", "text": "ignored"},
            Command("avatar.start_listening", "2"),
        ),
        ({"event_type": "avatar.stop_listening", "event_id": None}, Command("avatar.stop_listening")),
        ({"event_type": "user.start_push_to_talk"}, Command("user.start_push_to_talk")),
        ({"event_type": "user.stop_push_to_talk", "event_id": 7}, Command("user.stop_push_to_talk")),
        ({"event_type": "avatar.interrupt", "event_id": "x" * 500}, Command("avatar.interrupt")),
    ],
)
def test_commands_are_parsed_as_the_web_sdk_sends_them(packet, command):
    assert parse_command(json.dumps(packet).encode()) == command


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"{}",
        b"[" * 100_000,
        b'{"event_type": ["avatar.interrupt"]}',
        b'{"event_type": "avatar.fly"}',
        b'{"event_type": "avatar.speak_text"}',
        b'{"event_type": "avatar.speak_text", "text": ""}',
        b'{"event_type": "avatar.speak_text", "text": " \\n "}',
        b'{"event_type": "avatar.speak_text", "text": 5}',
        b'{"event_type": "avatar.speak_text", "text": null}',
        json.dumps({"event_type": "avatar.speak_text", "text": "x" * (LONGEST_TEXT + 1)}).encode(),
    ],
)
def test_everything_else_is_refused(packet):
    with pytest.raises(BadCommand):
        parse_command(packet)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["event_type", "event_id", "text", "x"]), inner)
    ),
)


@given(JSON)
def test_no_packet_breaks_the_reader(value):
    try:
        parse_command(json.dumps(value).encode())
    except BadCommand:
        return


def test_lone_surrogates_are_replaced():
    packet = b'{"event_type": "avatar.speak_text", "text": "Hi \\ud83d", "event_id": "\\ud83d"}'

    assert parse_command(packet).text == "Hi ?"


def test_a_start_order_becomes_a_job_with_its_variables_filled_in():
    job = start_job()

    assert (job.avatar, job.size, job.push_to_talk) == ("mira", (848, 480), True)
    assert job.voice == Voice("en-us+f3", 165, 50)
    assert job.context is not None
    assert job.context.prompt == "We are here."
    assert job.context.opening_text == "Hello Bob, ${unknown}!"
    assert job.context.faqs == ("Bob asks",)


def test_secrets_are_in_no_representation():
    llm = {"base_url": "https://llm.example/v1/", "model": "grump-1", "api_key": "secret-three"}
    job = start_job(llm=llm)

    assert job.llm == Endpoint("https://llm.example/v1", "grump-1", "secret-three")
    assert "secret" not in repr(job)


def test_without_an_llm_configuration_there_is_none():
    assert start_job().llm is None
    assert start_job(llm=None).llm is None


@pytest.mark.parametrize("context", [None, {"name": "n", "prompt": "p", "opening_text": None, "links": []}])
def test_a_context_and_its_opening_text_are_optional(context):
    job = start_job(context=context)

    assert (job.context is None) == (context is None)
    assert job.context is None or job.context.opening_text == ""


def test_an_avatar_without_art_looks_like_ava():
    assert start_job(avatar="wayne").avatar == "ava"


def test_a_stop_order_carries_its_reason():
    assert parse_order(b'{"do": "stop", "reason": "IDLE_TIMEOUT"}') == Stop("IDLE_TIMEOUT")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b'{"do": "dance"}',
        b'{"do": "start"}',
        json.dumps(START | {"quality": "ultra"}).encode(),
        json.dumps(START | {"voice": None}).encode(),
    ],
)
def test_an_unknown_order_is_refused_without_its_content(line):
    with pytest.raises(BadOrder) as refused:
        parse_order(line)

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${a} and ${a}", "1 and 1"),
        ("$a {a} ${b} ${ a }", "$a {a} ${b} ${ a }"),
        ("${a}${c}", "1${a}"),  # values are not expanded
    ],
)
def test_variables_are_filled_in_once(text, filled):
    assert fill_in(text, {"a": "1", "c": "${a}"}) == filled
