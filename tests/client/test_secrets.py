"""No failure shows the key or a token. Each test plants them and searches every text that could show them."""

import asyncio
import gc
import logging
import traceback

import httpx
import pytest
from pydantic import ValidationError

from liveavatar import (
    FullSession,
    Garbled,
    LiveAvatar,
    LiveAvatarError,
    SessionToken,
    StartedSession,
)
from rigs.clock import put_clock_forward

KEY = "canary-key-5c1d"
SESSION_TOKEN = "canary.session.token-77e0"
ROOM_TOKEN = "canary.room.token-90ab"
SECRETS = (KEY, SESSION_TOKEN, ROOM_TOKEN)
TOKEN = SessionToken(session_id="id", session_token=SESSION_TOKEN)


def echoing(status, code=4000, headers=None):
    """A careless vendor: its words quote every header of the request."""

    def answer(request):
        said = " / ".join(request.headers.values())
        return httpx.Response(
            status, json={"code": code, "data": [{"message": said}], "message": said}, headers=headers
        )

    return answer


def raising(error):
    def answer(request):
        error.request = request
        raise error

    return answer


def saying(status, content, headers=None):
    return lambda request: httpx.Response(status, content=content, headers=headers)


async def no_time(seconds):
    """Instead of the pause before a retry."""


async def silent(request):
    put_clock_forward(60)
    await asyncio.Event().wait()


FAILURES = {
    "401": echoing(401),
    "403": echoing(403, 4003),
    "404 on start": echoing(404),
    "no credits": echoing(403, 4033),
    "concurrency": echoing(403, 4032),
    "422": echoing(422),
    "429": echoing(429, headers={"Retry-After": "1"}),
    "500": echoing(500),
    "refusal in a 200": echoing(200),
    "redirect": saying(302, b"", {"Location": f"https://evil.example/?{KEY}"}),
    "redirect to nonsense": saying(302, b"", {"Location": f"https://[{KEY}"}),
    "html": saying(200, f"<html>{KEY}{SESSION_TOKEN}</html>".encode()),
    "cut off": saying(200, f'{{"code": 1000, "data": {{"session_token": "{SESSION_TOKEN}'.encode()),
    "too large": saying(200, (KEY + SESSION_TOKEN).encode() * 20_000),
    "wrong type": saying(200, f'{{"code": 1000, "data": ["{ROOM_TOKEN}", "{KEY}"]}}'.encode()),
    "missing members": saying(
        200,
        f'{{"code": 1000, "data": {{"livekit_client_token": "{ROOM_TOKEN}", '
        f'"session_token": "{SESSION_TOKEN}", "{KEY}": 1}}}}'.encode(),
    ),
    "unsendable token": saying(
        200,
        f'{{"code": 1000, "data": {{"session_id": "i", "session_token": "{SESSION_TOKEN}\\n"}}}}'.encode(),
    ),
    "refused connection": raising(httpx.ConnectError("refused")),
    "slow connection": raising(httpx.ConnectTimeout("slow")),
    "reset": raising(httpx.ReadError("reset")),
    "broken protocol": raising(httpx.RemoteProtocolError(f"illegal status line: {KEY} {SESSION_TOKEN}")),
    "our own protocol fault": raising(
        httpx.LocalProtocolError(f"Illegal header value {KEY} {SESSION_TOKEN}")
    ),
    "proxy": raising(httpx.ProxyError(f"407 {KEY} {SESSION_TOKEN}")),
    "deadline": silent,
}

CALLS = {
    "token": lambda liveavatar: liveavatar.create_session_token(FullSession(avatar_id="a")),
    "start": lambda liveavatar: liveavatar.start_session(TOKEN),
    "stop": lambda liveavatar: liveavatar.stop_session(session_id="id"),
    "credits": lambda liveavatar: liveavatar.credits(),
}


def everything_said(error):
    """Return all the text that a log, an error page or a crash reporter could show of `error` and its causes."""
    said, seen = [], set()
    todo = [error]
    while todo:
        error = todo.pop()
        if error is None or id(error) in seen:
            continue
        seen.add(id(error))
        said += [str(error), repr(error), repr(vars(error)), repr(error.args)]
        said += [repr(vars(value)) for value in vars(error).values() if hasattr(value, "__dict__")]
        said += [repr(getattr(error.__dict__.get("_request"), "headers", ""))]
        said += [repr(error.errors()) if isinstance(error, ValidationError) else ""]
        said += traceback.format_exception(error)
        todo += [error.__cause__, error.__context__]
    return "\n".join(said)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("failure", FAILURES)
async def test_no_failure_shows_a_secret(failure, call, caplog):
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "liveavatar"):
        caplog.set_level(logging.DEBUG, logger=name)

    async with LiveAvatar(
        KEY,
        transport=httpx.MockTransport(FAILURES[failure]),
        sleep=no_time,
    ) as liveavatar:
        try:
            await CALLS[call](liveavatar)
        except LiveAvatarError as error:
            said = everything_said(error) + repr(liveavatar) + repr(vars(liveavatar)) + caplog.text
        else:
            # A stop ignores what the answer holds, and a session that is gone is as good as stopped.
            assert call == "stop"
            assert failure in ("wrong type", "missing members", "unsendable token", "404 on start")
            said = caplog.text

    assert not [secret for secret in SECRETS if secret in said]


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_crash_reporter_that_records_local_variables_records_no_secret(failure):
    transport = httpx.MockTransport(FAILURES[failure])

    async with LiveAvatar(KEY, transport=transport, sleep=no_time) as liveavatar:
        for call in ("token", "start"):
            if (failure, call) == ("unsendable token", "start"):
                continue
            with pytest.raises(LiveAvatarError) as caught:
                await CALLS[call](liveavatar)

            frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
            ours = [frame for frame in frames.stack if "/liveavatar/" in frame.filename]
            assert ours
            said = "\n".join(str(frame.locals) for frame in ours)
            assert not [secret for secret in SECRETS if secret in said]


async def test_a_real_connection_writes_no_secret_into_any_log(caplog):
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "liveavatar"):
        caplog.set_level(logging.DEBUG, logger=name)

    async def refuse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"code": 4003, "message": "Not authenticated"}'
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, LiveAvatar(KEY, url) as liveavatar:
        for call in ("token", "start"):
            with pytest.raises(LiveAvatarError):
                await CALLS[call](liveavatar)

    assert "httpcore" in caplog.text
    assert not [secret for secret in SECRETS if secret in caplog.text]


async def test_the_urls_of_calls_stay_out_of_the_log_unless_asked_for(caplog):
    caplog.set_level(logging.INFO)

    async with LiveAvatar(KEY, transport=httpx.MockTransport(echoing(200, 1000))) as liveavatar:
        await liveavatar.keep_alive("id")

    assert caplog.records == []


@pytest.mark.parametrize("flaw", ["", " ", "\n", "\r\nX-Evil: 1", "é", "\udc80", "\0"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_quoted(flaw):
    with pytest.raises(ValueError, match="X-API-KEY") as caught:
        LiveAvatar(KEY + flaw if flaw else "")

    assert KEY not in "".join(traceback.format_exception(caught.value))
    gc.collect()  # a half-made client has no connections to warn about


async def test_a_stored_token_that_no_header_can_carry_is_refused_without_being_quoted():
    with pytest.raises(ValueError, match="session_token") as caught:
        SessionToken(session_id="id", session_token=SESSION_TOKEN + "\n")

    assert SESSION_TOKEN not in "".join(traceback.format_exception(caught.value))


def test_values_with_secrets_do_not_show_them():
    started = StartedSession(
        session_id="id",
        livekit_url="wss://room",
        livekit_client_token=ROOM_TOKEN,
        livekit_agent_token=ROOM_TOKEN,
        ws_url=f"wss://x?token={ROOM_TOKEN}",
    )

    assert "wss://room" in repr(started)
    shown = "".join(show(value) for value in (started, TOKEN) for show in (repr, str))
    assert not [secret for secret in SECRETS if secret in shown]


def test_an_error_holds_only_what_can_be_copied():
    error = Garbled("GET /v1/voices", "it is not JSON")

    assert error.__cause__ is None
    assert vars(error) == {"call": "GET /v1/voices"}
