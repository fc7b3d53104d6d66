"""No answer, however odd, makes the client raise anything but a LiveAvatarError."""

import copy
import functools
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liveavatar import (
    Avatar,
    Context,
    ContextName,
    FullSession,
    Language,
    LiveAvatar,
    LiveAvatarError,
    SessionSummary,
    SessionToken,
    Transcript,
    Voice,
)
from liveavatar.payload import Payload
from liveavatar.resources import Credits, LanguageList, Page
from liveavatar.session_answers import StartedInHostedRoom, StartedInOwnRoom

TOKEN = SessionToken(session_id="id", session_token="session.token")

CALLS = {
    "token": lambda liveavatar: liveavatar.create_session_token(FullSession(avatar_id="a")),
    "start": lambda liveavatar: liveavatar.start_session(TOKEN),
    "stop": lambda liveavatar: liveavatar.stop_session(session_id="id"),
    "keep_alive": lambda liveavatar: liveavatar.keep_alive("id"),
    "sessions": lambda liveavatar: liveavatar.active_sessions(at_most=50),
    "session": lambda liveavatar: liveavatar.session("id"),
    "transcript": lambda liveavatar: liveavatar.transcript("id"),
    "delete_events": lambda liveavatar: liveavatar.delete_events("id"),
    "avatars": lambda liveavatar: liveavatar.avatars(at_most=50),
    "voices": lambda liveavatar: liveavatar.voices(at_most=50),
    "contexts": lambda liveavatar: liveavatar.contexts(at_most=50),
    "context": lambda liveavatar: liveavatar.context("id"),
    "languages": lambda liveavatar: liveavatar.languages(),
    "credits": lambda liveavatar: liveavatar.credits(),
}

# One object with the members of every answer, so that a change to any of them reaches some call.
ITEM = {
    "id": "id",
    "name": "n",
    "type": "VIDEO",
    "status": "ACTIVE",
    "preview_url": "https://x/y.webp",
    "default_voice": {"id": "v", "name": "n"},
    "tags": ["a"],
    "language": "en",
    "code": "en",
    "prompt": "p",
    "opening_text": None,
    "links": [{"url": "u", "faq": "f"}],
    "required_dynamic_variables": ["x"],
    "session_id": "id",
    "session_token": "token",
    "livekit_url": "wss://x",
    "livekit_client_token": "t",
    "max_session_duration": 60,
    "mode": "FULL",
    "created_at": "2026-11-20T10:00:00Z",
    "end_reason": "IDLE_TIMEOUT",
    "duration": 3,
    "credits_consumed": 1.5,
    "credits_left": "1.5",
    "next_timestamp": 3,
    "transcript_data": [{"role": "user", "transcript": "t", "absolute_timestamp": 1}],
}


def answer_with(item, **members):
    """Return an envelope with the item as the object, and as the only entry of a list."""
    well = {"code": 1000, "message": "ok", "detail": [{"loc": ["body", 1], "msg": "m"}]}
    return well | {"data": item | {"next": None, "results": [item]}} | members


NASTY_TEXTS = ["", "x", "\ud800", "\0", "1e999", "Infinity", "0001-01-01T00:00:00+23:59", "9" * 5000, "é"]
NASTY_NUMBERS = [True, 0, -1, 0.5, 10**30, 1000, 4033, 1e308, float("inf"), float("nan")]
NASTY: list[Any] = [
    None,
    [],
    {},
    [[]],
    [None],
    ["x"],
    {"id": None},
    {"id": "x"},
    *NASTY_TEXTS,
    *NASTY_NUMBERS,
]
ANYTHING = st.sampled_from(NASTY).map(copy.deepcopy) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MODELS: list[type[Any]] = [
    SessionToken,
    StartedInHostedRoom,
    StartedInOwnRoom,
    SessionSummary,
    Transcript,
    Avatar,
    Voice,
    ContextName,
    Context,
    Language,
    LanguageList,
    Credits,
    Page[Avatar],
]


def places(document, path=()):
    """Yield the path of every member, at any depth."""
    members = document.items() if isinstance(document, dict) else enumerate(document)
    for step, value in members:
        yield (*path, step)
        if isinstance(value, dict | list):
            yield from places(value, (*path, step))


@st.composite
def slightly_wrong(draw):
    """Draw a good answer in which some members are missing or replaced by anything."""
    item: Any = copy.deepcopy(ITEM)
    for _ in range(draw(st.integers(1, 4))):
        *path, last = draw(st.sampled_from(list(places(item))))
        place = functools.reduce(lambda inner, step: inner[step], path, item)
        if draw(st.integers(0, 3)):
            place[last] = draw(ANYTHING)
        else:
            del place[last]
    return answer_with(item)


async def outcomes(calls, response):
    """Return the values and LiveAvatarErrors of calls that get a response. Any other exception is a bug and escapes."""

    async def no_time(seconds):
        pass

    transport = httpx.MockTransport(lambda request: response())
    results: list[Any] = []
    async with LiveAvatar("k", "http://127.0.0.1", transport=transport, sleep=no_time) as client:
        for call in calls:
            try:
                result = call(client)
                if isinstance(result, AsyncIterator):
                    results.append([item async for item in result])
                else:
                    results.append(await result)
            except LiveAvatarError as error:
                results.append(error)
    return results


@pytest.mark.parametrize("name", CALLS)
async def test_the_good_answer_behind_these_tests_is_understood(name):
    document = answer_with(ITEM, data=[ITEM]) if name == "languages" else answer_with(ITEM)

    [result] = await outcomes([CALLS[name]], lambda: httpx.Response(200, json=document))

    assert not isinstance(result, LiveAvatarError)


@pytest.mark.parametrize("path", list(places(ITEM)), ids=lambda path: ".".join(map(str, path)))
def test_any_one_member_may_hold_anything(path):
    for nasty in NASTY:
        item: Any = copy.deepcopy(ITEM)
        *outer, last = path
        functools.reduce(lambda inner, step: inner[step], outer, item)[last] = nasty

        for model in MODELS:
            with suppress(LiveAvatarError):
                str(Payload("GET /", item).read(model)).encode()


@settings(max_examples=100, deadline=None)
@given(document=slightly_wrong())
async def test_a_slightly_wrong_answer_is_read_or_a_liveavatar_error(document):
    body = json.dumps(document).encode()

    results = await outcomes(CALLS.values(), lambda: httpx.Response(200, content=body))

    assert len(results) == len(CALLS)
    str(results).encode()  # no half of a surrogate pair came through


@settings(max_examples=50, deadline=None)
@given(
    status=st.sampled_from([200, 201, 204, 302, 400, 401, 403, 404, 422, 429, 500]),
    document=slightly_wrong()
    | st.fixed_dictionaries({"code": ANYTHING, "data": ANYTHING, "detail": ANYTHING})
    | ANYTHING,
)
async def test_any_json_is_read_or_a_liveavatar_error(status, document):
    body = json.dumps(document).encode()

    results = await outcomes(CALLS.values(), lambda: httpx.Response(status, content=body))

    assert len(results) == len(CALLS)
    str(results).encode()


@settings(max_examples=50, deadline=None)
@given(
    body=st.binary(max_size=200) | st.text(max_size=200).map(str.encode),
    retry_after=st.none() | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
    status=st.sampled_from([200, 204, 301, 400, 429, 503]),
)
async def test_any_bytes_are_a_liveavatar_error(body, retry_after, status):
    headers = {} if retry_after is None else {"Retry-After": retry_after}

    [result] = await outcomes(
        [CALLS["credits"]], lambda: httpx.Response(status, content=body, headers=headers)
    )

    assert isinstance(result, LiveAvatarError)
