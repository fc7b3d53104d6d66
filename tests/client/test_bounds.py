"""The client's bounds: size, time, calls in flight, attempts."""

import asyncio
import gzip
from typing import Any

import httpx
import pytest

from liveavatar import (
    FullSession,
    Garbled,
    LiveAvatar,
    RateLimited,
    ServerFault,
    SessionToken,
    TimedOut,
    Unreachable,
)
from rigs.clock import put_clock_forward, run_due_timers

TOKEN = SessionToken(session_id="id", session_token="session.token")
FINE = {
    "code": 1000,
    "message": "ok",
    "data": {
        "session_id": "id",
        "session_token": "session.token",
        "livekit_url": "wss://room.example",
        "livekit_client_token": "client.token",
        "credits_left": "1",
    },
}

CALLS = {
    "token": lambda liveavatar: liveavatar.create_session_token(FullSession(avatar_id="a")),
    "start": lambda liveavatar: liveavatar.start_session(TOKEN),
    "stop": lambda liveavatar: liveavatar.stop_session(session_id="id"),
    "keep-alive": lambda liveavatar: liveavatar.keep_alive("id"),
    "delete events": lambda liveavatar: liveavatar.delete_events("id"),
    "credits": lambda liveavatar: liveavatar.credits(),
}


class Stream(httpx.AsyncByteStream):
    """A body that counts how many of its chunks were read."""

    def __init__(self, *chunks):
        self.chunks = chunks
        self.taken = 0

    async def __aiter__(self):
        for chunk in self.chunks:
            self.taken += 1
            yield chunk


class Flaky:
    """A vendor that fails in one way `failures` times and answers afterwards."""

    def __init__(self, failure, failures=1):
        self.failure = failure
        self.failures = failures
        self.attempts = 0
        self.pauses = []

    def __call__(self, request):
        self.attempts += 1
        if self.attempts > self.failures:
            return httpx.Response(200, json=FINE)
        if isinstance(self.failure, Exception):
            raise self.failure
        status, headers = self.failure
        return httpx.Response(status, json={"code": status}, headers=headers)

    async def sleep(self, seconds):
        self.pauses.append(seconds)

    def client(self, **options):
        return LiveAvatar("the-key", transport=httpx.MockTransport(self), sleep=self.sleep, **options)


BROKEN = httpx.ConnectError("refused")
LOST = httpx.ReadError("reset by peer")
FAULT: tuple[int, dict[str, str]] = (503, {})
SHORT_WAIT = (429, {"Retry-After": "1"})
LONG_WAIT = (429, {"Retry-After": "3"})
NO_WAIT: tuple[int, dict[str, str]] = (429, {})


@pytest.mark.parametrize(
    ("call", "repeated_after"),
    [
        ("token", [BROKEN, LOST, FAULT, SHORT_WAIT]),
        ("credits", [BROKEN, LOST, FAULT, SHORT_WAIT]),
        ("stop", [BROKEN, LOST]),
        ("keep-alive", [BROKEN, LOST]),
        ("delete events", [BROKEN, LOST]),
        ("start", []),
    ],
)
@pytest.mark.parametrize("failure", [BROKEN, LOST, FAULT, SHORT_WAIT, LONG_WAIT, NO_WAIT])
async def test_a_call_is_repeated_once_and_only_where_that_is_safe(call, repeated_after, failure):
    vendor = Flaky(failure)

    async with vendor.client() as liveavatar:
        if failure in repeated_after:
            await CALLS[call](liveavatar)
        else:
            with pytest.raises((Unreachable, ServerFault, RateLimited)):
                await CALLS[call](liveavatar)

    assert vendor.attempts == (2 if failure in repeated_after else 1)


async def test_there_is_no_third_attempt():
    vendor = Flaky(BROKEN, failures=9)

    async with vendor.client() as liveavatar:
        with pytest.raises(Unreachable):
            await liveavatar.credits()

    assert vendor.attempts == 2


@pytest.mark.parametrize(("failure", "least"), [(BROKEN, 0.0), (FAULT, 0.0), (SHORT_WAIT, 1.0)])
async def test_the_pause_is_as_long_as_the_vendor_asks_plus_jitter(failure, least):
    vendor = Flaky(failure)

    async with vendor.client() as liveavatar:
        await liveavatar.credits()

    [pause] = vendor.pauses
    assert least < pause <= least + 0.3


async def test_a_retry_that_would_begin_after_the_deadline_is_not_made():
    vendor = Flaky((429, {"Retry-After": "2"}))

    async with vendor.client(deadline=2) as liveavatar:
        with pytest.raises(RateLimited):
            await liveavatar.credits()

    assert (vendor.attempts, vendor.pauses) == (1, [])


@pytest.mark.parametrize(
    ("call", "option"), [("token", "token_deadline"), ("start", "start_deadline"), ("stop", "deadline")]
)
async def test_a_silent_vendor_ends_the_call_at_its_deadline_and_not_before(call, option):
    asked = asyncio.Event()

    async def silent(request):
        asked.set()
        await asyncio.Event().wait()

    options: dict[str, Any] = {option: 600}
    async with LiveAvatar("k", transport=httpx.MockTransport(silent), **options) as liveavatar:
        calling = asyncio.create_task(CALLS[call](liveavatar))
        await asked.wait()

        put_clock_forward(300)
        await run_due_timers()
        assert not calling.done()

        put_clock_forward(300)
        with pytest.raises(TimedOut, match="600 s"):
            await calling


async def test_the_deadline_covers_the_pause_before_the_second_attempt():
    vendor = Flaky(BROKEN)

    async def endless(seconds):
        put_clock_forward(10)
        await asyncio.Event().wait()

    vendor.sleep = endless  # type: ignore[method-assign]
    async with vendor.client(deadline=10) as liveavatar:
        with pytest.raises(TimedOut):
            await liveavatar.credits()


async def test_no_more_calls_are_in_flight_than_allowed_and_the_rest_wait():
    in_flight, most = 0, 0
    full = asyncio.Event()

    async def busy(request):
        nonlocal in_flight, most
        in_flight += 1
        most = max(most, in_flight)
        if in_flight == 3:
            full.set()
        await full.wait()
        await asyncio.sleep(0)
        in_flight -= 1
        return httpx.Response(200, json=FINE)

    async with LiveAvatar("k", transport=httpx.MockTransport(busy), max_in_flight=3) as liveavatar:
        credits = await asyncio.gather(*(liveavatar.credits() for _ in range(20)))

    assert len(credits) == 20
    assert most == 3


async def test_the_wait_for_a_free_slot_counts_against_the_deadline():
    arrived, release = asyncio.Event(), asyncio.Event()

    async def slow_start(request):
        arrived.set()
        await release.wait()
        return httpx.Response(201, json=FINE)

    client = LiveAvatar("k", transport=httpx.MockTransport(slow_start), max_in_flight=1, start_deadline=600)
    async with client as liveavatar:
        start = asyncio.create_task(liveavatar.start_session(TOKEN))
        await arrived.wait()
        waiting = asyncio.create_task(liveavatar.keep_alive("id"))
        await run_due_timers()

        put_clock_forward(10)
        with pytest.raises(TimedOut):
            await waiting

        release.set()
        assert (await start).session_id == "id"


async def test_a_cancelled_call_frees_its_slot():
    arrived = asyncio.Event()

    async def silent_once(request):
        if not arrived.is_set():
            arrived.set()
            await asyncio.Event().wait()
        return httpx.Response(200, json=FINE)

    async with LiveAvatar("k", transport=httpx.MockTransport(silent_once), max_in_flight=1) as liveavatar:
        abandoned = asyncio.create_task(liveavatar.credits())
        await arrived.wait()
        abandoned.cancel()

        assert await liveavatar.credits() == 1

    assert abandoned.cancelled()


@pytest.mark.parametrize(("status", "kind"), [(200, Garbled), (503, ServerFault)])
async def test_reading_stops_at_the_size_limit(status, kind):
    body = Stream(*[b"x" * 65536] * 800)

    def enormous(request):
        return httpx.Response(status, stream=body)

    async with LiveAvatar("k", transport=httpx.MockTransport(enormous)) as liveavatar:
        with pytest.raises(kind):
            await liveavatar.start_session(TOKEN)

    assert body.taken == 5


async def test_an_answer_of_exactly_the_size_limit_is_read():
    filler = b" " * (256 * 1024 - len(httpx.Response(200, json=FINE).content))

    def large(request):
        return httpx.Response(200, content=httpx.Response(200, json=FINE).content + filler)

    async with LiveAvatar("k", transport=httpx.MockTransport(large)) as liveavatar:
        assert await liveavatar.credits() == 1


@pytest.mark.parametrize("layers", ["gzip", "gzip, gzip", "deflate", "br"])
async def test_a_compressed_answer_is_left_unread(layers):
    bomb = gzip.compress(b"\0" * 10_000_000)
    body = Stream(gzip.compress(bomb) if "," in layers else bomb)
    accepted = []

    def explosive(request):
        accepted.append(request.headers["accept-encoding"])
        return httpx.Response(200, stream=body, headers={"Content-Encoding": layers})

    async with LiveAvatar("k", transport=httpx.MockTransport(explosive)) as liveavatar:
        with pytest.raises(Garbled, match="compressed"):
            await liveavatar.credits()

    assert (accepted, body.taken) == (["identity"], 0)
