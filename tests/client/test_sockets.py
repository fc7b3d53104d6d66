"""The client on real sockets: what a mocked transport cannot show."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from liveavatar import LiveAvatar, TimedOut, Unreachable
from rigs.clock import put_clock_forward

FINE = b'{"code": 1000, "data": {"credits_left": "1"}}'


def response(body, length=None):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (length or len(body), body)


class Peer:
    """Answers every request with `speak(writer)`, an async function."""

    def __init__(self, speak):
        self.speak = speak
        self.connections = 0
        self.requests = 0

    async def __call__(self, reader, writer):
        self.connections += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.requests += 1
                await self.speak(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    @asynccontextmanager
    async def client(self, **options):
        server = await asyncio.start_server(self, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with (
            server,
            LiveAvatar("the-key", f"http://127.0.0.1:{port}", sleep=no_time, **options) as liveavatar,
        ):
            yield liveavatar


async def no_time(seconds):
    """Instead of the pause before a retry."""


async def answer(writer):
    writer.write(response(FINE))


async def hang_up(writer):
    writer.close()


async def break_off(writer):
    writer.write(response(FINE, length=1000))
    writer.close()


async def babble(writer):
    writer.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
    writer.close()


async def test_calls_share_a_connection():
    peer = Peer(answer)

    async with peer.client() as liveavatar:
        for _ in range(5):
            await liveavatar.credits()

    assert (peer.connections, peer.requests) == (1, 5)


@pytest.mark.parametrize("misbehave", [hang_up, break_off, babble])
async def test_a_connection_that_breaks_is_tried_again_and_then_given_up(misbehave):
    peer = Peer(misbehave)

    async with peer.client() as liveavatar:
        with pytest.raises(Unreachable, match="broke"):
            await liveavatar.credits()

    assert peer.requests == 2


async def test_a_trickle_of_bytes_does_not_outlive_the_deadline():
    sent = 0

    async def trickle(writer):
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            sent += 1
            put_clock_forward(1)
            await asyncio.sleep(0)

    async with Peer(trickle).client(deadline=60) as liveavatar:
        with pytest.raises(TimedOut):
            await liveavatar.credits()

    assert sent >= 60


async def test_a_closed_port_is_unreachable():
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()

    async with LiveAvatar("the-key", f"http://127.0.0.1:{port}", sleep=no_time) as liveavatar:
        with pytest.raises(Unreachable, match=f"cannot connect to http://127.0.0.1:{port}"):
            await liveavatar.credits()


async def test_a_proxy_of_the_environment_is_not_asked_for_our_own_machine(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)

    async with Peer(answer).client() as liveavatar:
        assert await liveavatar.credits() == 1


async def test_a_proxy_of_the_environment_is_asked_for_other_machines(monkeypatch):
    proxy = Peer(answer)
    server = await asyncio.start_server(proxy, "127.0.0.1", 0)
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    monkeypatch.delenv("NO_PROXY", raising=False)

    async with server, LiveAvatar("the-key", "http://liveavatar.invalid") as liveavatar:
        assert await liveavatar.credits() == 1

    assert proxy.requests == 1
