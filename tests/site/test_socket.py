"""The page's websocket, against the composed application."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import AsyncClient
from django.utils import timezone

from rigs.site_socket import SiteSocket
from rigs.vendor import Vendor
from sessions_app.lifecycle.presence import Presence
from sessions_app.models import AvatarSession, Ticket
from sessions_app.states import State

pytestmark = pytest.mark.django_db(transaction=True)

AT = 1763630000000


def event(seq: int, kind: str = "page.quality", direction: str = "page", **payload: Any) -> dict[str, Any]:
    return {"seq": seq, "type": kind, "direction": direction, "at": AT, "payload": payload}


class Page:
    """One load of the session page, as the server sees it."""

    def __init__(self, client: AsyncClient, key: str, source: str) -> None:
        self.client = client
        self.key = key
        self.source = source

    async def ticket(self) -> str:
        response = await self.client.post(f"/sessions/{self.key}/ticket/")
        ticket: str = response.json()["ticket"]
        return ticket

    @asynccontextmanager
    async def socket(self, origin: str = "http://testserver") -> AsyncIterator[SiteSocket]:
        cookie = self.client.cookies.get(settings.SESSION_COOKIE_NAME)
        headers = [(b"host", b"testserver"), (b"origin", origin.encode())]
        if cookie is not None:
            headers.append((b"cookie", f"{cookie.key}={cookie.value}".encode()))
        socket = SiteSocket(f"/ws/sessions/{self.key}/", headers)
        connected, _ = await socket.connect()
        assert connected
        try:
            yield socket
        finally:
            await socket.disconnect()

    @asynccontextmanager
    async def welcomed(self) -> AsyncIterator[tuple[SiteSocket, dict[str, Any]]]:
        async with self.socket() as socket:
            await self.hello(socket, await self.ticket())
            yield socket, await socket.receive_json_from()

    async def hello(self, socket: SiteSocket, ticket: str) -> None:
        await socket.send_json_to({"type": "hello", "ticket": ticket, "source": self.source})


@pytest.fixture
async def key(visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence) -> str:
    """The visitor's session, written but not started."""
    response = await visitor.post("/sessions/", choice)
    assert response.status_code == 302
    return response.headers["Location"].split("/")[2]


@pytest.fixture
def page(visitor: AsyncClient, key: str) -> Page:
    return Page(visitor, key, "page-1111")


async def test_the_welcome_names_the_last_stored_event_of_the_page(page: Page) -> None:
    async with page.welcomed() as (socket, welcome):
        await socket.send_json_to({"type": "events", "events": [event(1), event(2)]})
        assert await socket.receive_json_from() == {"type": "ack", "ack": 2}

    async with page.welcomed() as (_, again):
        assert (welcome["ack"], again["ack"]) == (0, 2)
        assert (again["type"], again["state"], again["window"], again["max_frame"]) == (
            "welcome",
            "created",
            256,
            65536,
        )


async def test_a_replayed_event_is_acknowledged_twice_and_stored_once(page: Page) -> None:
    async with page.welcomed() as (socket, _):
        for _ in range(2):
            await socket.send_json_to(
                {"type": "events", "events": [event(1, "user.transcription", "in", text="hi")]}
            )
            assert await socket.receive_json_from() == {"type": "ack", "ack": 1}

    session = await AvatarSession.objects.aget(key=page.key)
    assert await session.events.filter(type="user.transcription").acount() == 1
    assert [turn.said async for turn in session.turns.all()] == ["hi"]


async def test_a_refused_event_is_named_and_leaves_no_gap(page: Page) -> None:
    async with page.welcomed() as (socket, _):
        await socket.send_json_to(
            {"type": "events", "events": [event(1), event(2, direction="up"), event(3)]}
        )

        error = await socket.receive_json_from()
        ack = await socket.receive_json_from()

    assert (error["type"], error["code"], error["seq"]) == ("error", "event.direction", 2)
    assert ack == {"type": "ack", "ack": 3}
    session = await AvatarSession.objects.aget(key=page.key)
    types = [kind async for kind in session.events.filter(source="page-1111").values_list("type", flat=True)]
    assert types == ["page.quality", "event.refused", "page.quality"]
    refused = await session.events.aget(type="event.refused")
    assert refused.payload == {"code": "event.direction", "message": error["message"]}
    assert not await session.events.filter(type="events.gap").aexists()


async def close_code(socket: SiteSocket) -> int:
    message = await socket.receive_output()
    if message["type"] == "websocket.send":  # the error that explains the close
        message = await socket.receive_output()
    assert message["type"] == "websocket.close"
    return int(message["code"])


async def test_a_ticket_opens_one_socket(page: Page) -> None:
    ticket = await page.ticket()
    async with page.socket() as first:
        await page.hello(first, ticket)
        assert (await first.receive_json_from())["type"] == "welcome"

        async with page.socket() as second:
            await page.hello(second, ticket)
            assert await close_code(second) == 4401


@pytest.mark.parametrize("ticket", ["", "guess", "\ud800", None, 7, {"a": 1}])
async def test_a_guessed_ticket_opens_nothing(page: Page, ticket: Any) -> None:
    async with page.socket() as socket:
        await page.hello(socket, ticket)
        assert await close_code(socket) == 4401


async def test_an_expired_ticket_opens_no_socket(page: Page) -> None:
    ticket = await page.ticket()
    await Ticket.objects.aupdate(expires_at=timezone.now() - timedelta(seconds=1))

    async with page.socket() as socket:
        await page.hello(socket, ticket)
        assert await close_code(socket) == 4401


async def test_a_ticket_has_256_random_bits(page: Page) -> None:
    first, second = await page.ticket(), await page.ticket()

    assert first != second
    assert len(base64.urlsafe_b64decode(first + "=")) == 32


async def test_a_new_ticket_deletes_expired_ones_and_keeps_the_others(page: Page) -> None:
    await page.ticket()
    await Ticket.objects.aupdate(expires_at=timezone.now() - timedelta(seconds=1))
    valid = await page.ticket()

    await page.ticket()

    assert await Ticket.objects.acount() == 2
    async with page.socket() as socket:
        await page.hello(socket, valid)
        assert (await socket.receive_json_from())["type"] == "welcome"


async def test_a_ticket_of_one_session_opens_no_other(
    page: Page, visitor: AsyncClient, choice: dict[str, Any], key: str
) -> None:
    other = await visitor.post("/sessions/", {**choice, "request_id": "00000000-0000-4000-8000-000000000001"})
    ticket = await page.ticket()

    async with Page(visitor, other.headers["Location"].split("/")[2], "page-1111").socket() as socket:
        await page.hello(socket, ticket)
        assert await close_code(socket) == 4401


async def test_a_ticket_is_of_no_use_to_another_visitor(page: Page, stranger: AsyncClient) -> None:
    ticket = await page.ticket()
    await stranger.get("/")

    async with Page(stranger, page.key, "page-2222").socket() as socket:
        await page.hello(socket, ticket)
        assert await close_code(socket) == 4404


@pytest.mark.parametrize(
    "origin", ["", "null", "http://evil.test", "http://testserver:81", "http://testserver.evil.test"]
)
async def test_a_foreign_origin_gets_no_socket(page: Page, origin: str) -> None:
    headers = [(b"host", b"testserver"), (b"origin", origin.encode())]
    socket = SiteSocket(f"/ws/sessions/{page.key}/", headers)

    connected, _ = await socket.connect()

    assert not connected


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "events", "events": []},
        {"type": "hello", "source": "site"},
        {"no": "type"},
        ["a list"],
    ],
)
async def test_a_first_frame_other_than_hello_closes_the_socket(page: Page, frame: Any) -> None:
    async with page.socket() as socket:
        await socket.send_json_to(frame)
        assert await close_code(socket) == 4400


@pytest.mark.parametrize("send", ["binary", "events without a list", "too many events"])
async def test_an_invalid_frame_closes_the_socket_with_an_explanation(page: Page, send: str) -> None:
    sending: dict[str, Callable[[SiteSocket], Any]] = {
        "binary": lambda socket: socket.send_to(bytes_data=b"\x00"),
        "events without a list": lambda socket: socket.send_json_to({"type": "events", "events": 1}),
        "too many events": lambda socket: socket.send_json_to(
            {"type": "events", "events": [event(number) for number in range(1, 52)]}
        ),
    }
    async with page.welcomed() as (socket, _):
        await sending[send](socket)

        error = await socket.receive_json_from()
        assert (error["type"], error["code"]) == ("error", "frame.invalid")
        assert await close_code(socket) == 4400


async def test_open_pages_are_told_that_the_session_ended(page: Page, visitor: AsyncClient) -> None:
    await visitor.post(f"/sessions/{page.key}/start/")
    async with page.welcomed() as (socket, welcome):
        assert welcome["state"] == "live"

        await visitor.post(f"/sessions/{page.key}/stop/", {"reason": "user"}, content_type="application/json")

        change = await socket.receive_json_from()
    assert change == {
        "type": "state",
        "state": "ended",
        "end_reason": "USER_CLOSED",
        "end_text": "You ended the conversation.",
    }


@pytest.mark.parametrize(
    ("told", "reason"), [("MAX_DURATION_REACHED", "MAX_DURATION_REACHED"), ("SOLAR_FLARE", "UNKNOWN")]
)
async def test_the_services_end_of_the_session_is_kept_with_its_reason(
    page: Page, visitor: AsyncClient, told: str, reason: str
) -> None:
    await visitor.post(f"/sessions/{page.key}/start/")
    async with page.welcomed() as (socket, _):
        stopped = event(1, "session.stopped", "in", end_reason=told)
        await socket.send_json_to({"type": "events", "events": [stopped]})
        frames = [await socket.receive_json_from(), await socket.receive_json_from()]

    assert {frame["type"] for frame in frames} == {"ack", "state"}
    session = await AvatarSession.objects.aget(key=page.key)
    assert (session.state, session.end_reason) == (State.ENDED, reason)


@pytest.mark.parametrize("direction", ["out", "page"])
async def test_only_an_event_of_the_service_ends_the_session(
    page: Page, visitor: AsyncClient, direction: str
) -> None:
    await visitor.post(f"/sessions/{page.key}/start/")
    async with page.welcomed() as (socket, _):
        await socket.send_json_to({"type": "events", "events": [event(1, "session.stopped", direction)]})
        await socket.receive_json_from()
        await socket.send_json_to({"type": "events", "events": [event(2)]})
        assert await socket.receive_json_from() == {"type": "ack", "ack": 2}

    assert (await AvatarSession.objects.aget(key=page.key)).state == State.LIVE


async def test_the_report_of_a_browsers_own_start_makes_the_session_live(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    response = await visitor.post("/sessions/", {**choice, "start_mode": "browser"})
    page = Page(visitor, response.headers["Location"].split("/")[2], "page-1111")
    await visitor.post(f"/sessions/{page.key}/start/")

    async with page.welcomed() as (socket, welcome):
        await socket.send_json_to({"type": "events", "events": [event(1)]})
        await socket.receive_json_from()
        before = await AvatarSession.objects.aget(key=page.key)
        for seq in (2, 3):
            await socket.send_json_to({"type": "events", "events": [event(seq, "page.session_started")]})
            assert await socket.receive_json_from() == {"type": "ack", "ack": seq}
        await socket.send_json_to({"type": "events", "events": [event(4)]})
        await socket.receive_json_from()

    session = await AvatarSession.objects.aget(key=page.key)
    assert (welcome["state"], before.state, session.state) == ("starting", State.STARTING, State.LIVE)
    assert session.started_at is not None
    assert session.max_duration == settings.LIVEAVATAR_MAX_DURATION
    assert [event.payload async for event in session.events.filter(type="session.started")] == [
        {"by": "browser"}
    ]


async def test_a_socket_without_a_hello_is_closed(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions_app.sockets.hello.HELLO_WITHIN", 0.01)

    async with page.socket() as socket:
        assert await close_code(socket) == 4408


async def test_a_session_ends_when_its_page_does_not_come_back(
    page: Page, visitor: AsyncClient, presence: Presence, vendor: Vendor, settings: Any
) -> None:
    await visitor.post(f"/sessions/{page.key}/start/")
    settings.PAGE_GRACE = 0.01
    stopped = vendor.notice("/v1/sessions/stop")
    async with page.welcomed():
        pass

    async with asyncio.timeout(5):
        await stopped.wait()
    session = await AvatarSession.objects.aget(key=page.key)
    assert (session.state, session.end_reason) == (State.ENDED, "PAGE_CLOSED")
    assert vendor.bodies("/v1/sessions/stop") == [
        {"session_id": session.remote_id, "reason": "USER_DISCONNECTED"}
    ]


async def test_a_page_that_comes_back_within_the_grace_keeps_its_session(
    page: Page, visitor: AsyncClient, presence: Presence, vendor: Vendor
) -> None:
    await visitor.post(f"/sessions/{page.key}/start/")
    async with page.welcomed():
        pass

    async with page.welcomed() as (_, welcome):
        assert welcome["state"] == "live"
        assert not presence._waiting
    assert vendor.bodies("/v1/sessions/stop") == []


async def test_an_open_page_keeps_the_session_alive_at_the_service(
    page: Page, visitor: AsyncClient, presence: Presence, vendor: Vendor, settings: Any
) -> None:
    settings.KEEP_ALIVE_INTERVAL = 0.01
    asked, go_on = vendor.hold("/v1/sessions/keep-alive")
    await visitor.post(f"/sessions/{page.key}/start/")

    async with page.welcomed(), asyncio.timeout(5):
        await asked.wait()
        go_on.set()

    session = await AvatarSession.objects.aget(key=page.key)
    assert vendor.bodies("/v1/sessions/keep-alive")[0] == {"session_id": session.remote_id}


async def test_a_shutdown_stops_the_sessions_of_this_process_at_the_service(
    page: Page, visitor: AsyncClient, presence: Presence, vendor: Vendor
) -> None:
    await visitor.post(f"/sessions/{page.key}/start/")
    async with page.welcomed() as (socket, _):
        await presence.stop()

        change = await socket.receive_json_from()
    assert (change["state"], change["end_reason"]) == ("ended", "SITE_STOPPED")
    assert len(vendor.bodies("/v1/sessions/stop")) == 1
