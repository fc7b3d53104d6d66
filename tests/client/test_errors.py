"""Which error each refusal becomes, with bodies as documented and as observed."""

from datetime import UTC, datetime

import httpx
import pytest

from liveavatar import (
    AuthRejected,
    ConcurrencyReached,
    FullSession,
    Garbled,
    LiveAvatar,
    NoCredits,
    NotFound,
    RateLimited,
    Rejected,
    ServerFault,
    SessionToken,
    ValidationRejected,
)
from liveavatar.refusals import seconds_until

HTML = "<html><h1>502 Bad Gateway</h1><center>cloudflare</center></html>"
DETAIL = {
    "detail": [
        {"loc": ["body", "FULL", "avatar_id"], "msg": "Input should be a valid UUID", "type": "uuid_parsing"},
        {
            "loc": ["body", None, {"a": 1}, 0],
            "msg": "Field required",
            "type": "missing",
            "input": {"secret": 1},
        },
    ]
}
ENVELOPE = {
    "code": 4000,
    "data": [{"message": "Provide exactly one of avatar_persona or voice_agent"}],
    "message": "Request validation errors.",
}


def envelope(code, message, data=None):
    return {"code": code, "data": data, "message": message}


def refusing(status, body, headers=None):
    """Return a client of a vendor that always answers like this. Pauses before a retry take no time."""

    def vendor(request):
        content = body if isinstance(body, str) else None
        return httpx.Response(status, text=content, json=None if content else body, headers=headers)

    async def no_time(seconds):
        pass

    return LiveAvatar("the-key", transport=httpx.MockTransport(vendor), sleep=no_time)


@pytest.mark.parametrize(
    ("status", "body", "kind", "code", "messages"),
    [
        (401, envelope(401, "Invalid API key"), AuthRejected, 401, ["Invalid API key"]),
        (401, {"error": "bad api key"}, AuthRejected, None, ["bad api key"]),
        (401, HTML, AuthRejected, None, []),
        (403, envelope(4003, "Not authenticated"), AuthRejected, 4003, ["Not authenticated"]),
        (403, envelope(4033, "No credits"), NoCredits, 4033, ["No credits"]),
        (403, envelope(4032, "Session concurrency"), ConcurrencyReached, 4032, ["Session concurrency"]),
        (400, envelope(4032, "Session concurrency"), ConcurrencyReached, 4032, ["Session concurrency"]),
        (200, envelope(4033, "No credits"), NoCredits, 4033, ["No credits"]),
        (403, envelope(None, "Avatar not yours"), Rejected, None, ["Avatar not yours"]),
        (404, envelope(4004, "Session not found"), NotFound, 4004, ["Session not found"]),
        (405, {"detail": "Method Not Allowed"}, Rejected, None, ["Method Not Allowed"]),
        (
            400,
            envelope(400, "LLM configuration with id 'x' not found in your space"),
            ValidationRejected,
            400,
            ["LLM configuration with id 'x' not found in your space"],
        ),
        (
            422,
            DETAIL,
            ValidationRejected,
            None,
            ["body.FULL.avatar_id: Input should be a valid UUID", "body.0: Field required"],
        ),
        (
            422,
            ENVELOPE,
            ValidationRejected,
            4000,
            ["Provide exactly one of avatar_persona or voice_agent"],
        ),
        (
            422,
            envelope(4000, "Request validation errors. body: Unable to extract tag", data=[]),
            ValidationRejected,
            4000,
            ["Request validation errors. body: Unable to extract tag"],
        ),
        (422, envelope(4000, "outer", {"message": "inner"}), ValidationRejected, 4000, ["inner"]),
        (500, envelope(500, "Internal"), ServerFault, 500, ["Internal"]),
        (502, HTML, ServerFault, None, []),
        (503, "", ServerFault, None, []),
        (520, "[]", ServerFault, None, []),
        (418, '{"code": "4033"}', Rejected, None, []),
        (200, envelope(5000, "Something new"), Rejected, 5000, ["Something new"]),
    ],
)
async def test_a_refusal_becomes_the_error_that_names_it(status, body, kind, code, messages):
    async with refusing(status, body) as liveavatar:
        with pytest.raises(Rejected) as caught:
            await liveavatar.start_session(SessionToken(session_id="id", session_token="session.token"))

    assert type(caught.value) is kind
    assert caught.value.call == "POST /v1/sessions/start"
    assert (caught.value.status, caught.value.code) == (status, code)
    assert list(caught.value.messages) == messages
    assert caught.value.message == " | ".join(messages)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("1", 1.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("9" * 400, None),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 0.0),
        ("Mon, 99 Foo 2001 00:00:00 GMT", None),
    ],
)
async def test_a_rate_limit_says_how_long_to_wait(header, seconds):
    headers = {} if header is None else {"Retry-After": header}

    async with refusing(429, envelope(429, "slow down"), headers) as liveavatar:
        with pytest.raises(RateLimited) as caught:
            await liveavatar.credits()

    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(
    ("date", "seconds"), [("12:01:30 GMT", 90.0), ("14:01:30 +0200", 90.0), ("11:59:59 GMT", 0.0)]
)
def test_a_rate_limit_may_name_the_end_of_the_wait(date, seconds):
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)

    assert seconds_until(f"Fri, 20 Nov 2026 {date}", noon) == seconds


@pytest.mark.parametrize(
    ("status", "body", "complaint"),
    [
        (200, HTML, "not JSON"),
        (200, "", "not JSON"),
        (200, '{"code": 1000, "data": {"session_id": "x"', "not JSON"),
        (200, '{"code": 1000, "data": NaN}', "not JSON"),
        (200, '{"code": 1000, "data": ' + "9" * 5000 + "}", "not JSON"),
        (200, "[" * 100_000, "nested"),
        (200, "[]", "an object with a code"),
        (200, "null", "an object with a code"),
        (200, '{"session_id": "x", "session_token": "y"}', "an object with a code"),
        (200, '{"code": true, "data": {}}', "an object with a code"),
        (200, '{"code": 1000}', r"data \(model_type\)"),
        (200, '{"code": 1000, "data": []}', r"data \(model_type\)"),
        (200, '{"code": 1000, "data": {"session_token": "y"}}', "session_id"),
        (204, "", r"data \(model_type\)"),
        (301, "", "redirect"),
        (307, HTML, "redirect"),
        (304, "", "redirect"),
    ],
)
async def test_an_answer_that_cannot_be_used_is_garbled(status, body, complaint):
    headers = {"Location": "https://evil.example/v1/sessions/token"} if status in (301, 307) else {}

    async with refusing(status, body, headers) as liveavatar:
        with pytest.raises(Garbled, match=complaint):
            await liveavatar.create_session_token(FullSession(avatar_id="a"))


async def test_a_redirect_is_not_followed():
    hosts = []

    def elsewhere(request):
        hosts.append(request.url.host)
        return httpx.Response(302, headers={"Location": "https://evil.example/"})

    async with LiveAvatar("the-key", transport=httpx.MockTransport(elsewhere)) as liveavatar:
        with pytest.raises(Garbled):
            await liveavatar.credits()

    assert hosts == ["api.liveavatar.com"]


async def test_the_words_of_the_vendor_are_cut_to_one_printable_line():
    words = "line one\nline two\x1b[31m red\u202e " + "x" * 5000

    async with refusing(400, envelope(4000, "", [{"message": words}] * 20)) as liveavatar:
        with pytest.raises(ValidationRejected) as caught:
            await liveavatar.credits()

    assert len(caught.value.messages) == 10
    assert all(text.startswith("line one line two[31m red xxx") for text in caught.value.messages)
    assert len(str(caught.value)) < 4000


async def test_an_error_names_the_call_and_quotes_the_vendor():
    async with refusing(403, envelope(4033, "Buy more")) as liveavatar:
        with pytest.raises(NoCredits) as caught:
            await liveavatar.start_session(SessionToken(session_id="id", session_token="session.token"))

    assert str(caught.value) == (
        "POST /v1/sessions/start: no credits are left, top up the account (HTTP 403, code 4033); "
        "LiveAvatar says: Buy more"
    )
