"""Starting and ending sessions: a visitor's requests, and the calls of the service."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.test import AsyncClient

from rigs.site_requests import create, start, stop
from rigs.vendor import API_KEY, AVATAR, CONTEXT, VOICE, Vendor
from sessions_app.end_reasons import TO_VISITORS, EndReason
from sessions_app.lifecycle.ending import end_session, release_session
from sessions_app.lifecycle.presence import Presence
from sessions_app.models import AvatarSession
from sessions_app.states import State

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("path", ["/", "/visit/"])
async def test_loading_a_page_spends_nothing(visitor: AsyncClient, vendor: Vendor, path: str) -> None:
    response = await visitor.get(path)

    assert response.status_code == 200
    assert not {"/v1/sessions/token", "/v1/sessions/start"} & {called for called, _ in vendor.calls}
    assert not await AvatarSession.objects.aexists()


async def test_a_click_writes_the_session_before_the_service_is_asked(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    session = await create(visitor, choice)

    assert (session.state, session.remote_id, session.avatar_name) == (State.CREATED, "", "Ava")
    assert vendor.bodies("/v1/sessions/token") == []


async def test_a_start_requests_the_choices_and_gives_the_page_its_room(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    session = await create(visitor, choice)

    response = await start(visitor, session)

    assert response.json() == {
        "state": "live",
        "livekit_url": "ws://rooms.test",
        "livekit_client_token": "canary-room-token",
        "max_session_duration": 600,
    }
    asked = vendor.bodies("/v1/sessions/token")[0]
    assert (asked["mode"], asked["avatar_id"], asked["max_session_duration"]) == ("FULL", AVATAR["id"], 600)
    assert asked["avatar_persona"] == {"voice_id": VOICE["id"], "context_id": CONTEXT["id"], "language": "en"}
    assert session.state == State.LIVE


async def test_posting_a_form_twice_leads_to_the_same_session(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    first = await create(visitor, choice)
    second = await create(visitor, choice)

    assert first.pk == second.pk


async def test_two_starts_at_once_are_one(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    session = await create(visitor, choice)

    first, second = await asyncio.gather(start(visitor, session), start(visitor, session))
    third = await start(visitor, session)

    assert first.json() == second.json() == third.json()
    assert len(vendor.bodies("/v1/sessions/start")) == 1


async def test_a_visit_starts_like_a_click(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    session = await create(visitor, {**choice, "start_mode": "visit"})

    assert (await start(visitor, session)).json()["state"] == "live"
    assert session.start_mode == "visit"


async def test_a_browser_managed_start_returns_the_token_and_starts_nothing(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    session = await create(visitor, {**choice, "start_mode": "browser"})

    first, again = await start(visitor, session), await start(visitor, session)

    assert first.json() == again.json()
    assert first.json()["session_token"] == "canary-session-token"
    assert len(vendor.bodies("/v1/sessions/token")) == 1
    assert vendor.bodies("/v1/sessions/start") == []


async def test_a_cancel_while_the_service_starts_stops_the_started_session(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    session = await create(visitor, choice)
    asked, go_on = vendor.hold("/v1/sessions/start")
    starting = asyncio.create_task(start(visitor, session))
    await asked.wait()

    answer = await stop(visitor, session, reason="cancelled")
    go_on.set()
    response = await starting

    assert (answer["state"], answer["end_reason"]) == ("ended", "CANCELLED")
    assert (response.status_code, response.json()["error"]["code"]) == (409, "session.ended")
    # Once at the cancel, and once more when the start succeeded after it.
    assert [body["session_id"] for body in vendor.bodies("/v1/sessions/stop")] == [session.remote_id] * 2
    assert (session.state, session.released_at is not None) == (State.ENDED, True)


@pytest.mark.parametrize("form", ["script", "plain form"])
async def test_a_stop_before_the_conversation_is_a_cancel(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence, form: str
) -> None:
    session = await create(visitor, choice)
    asked, go_on = vendor.hold("/v1/sessions/start")
    starting = asyncio.create_task(start(visitor, session))
    await asked.wait()

    if form == "script":
        await stop(visitor, session, reason="user")
    else:
        await visitor.post(f"/sessions/{session.key}/stop/")
    go_on.set()
    await starting

    assert (session.state, session.end_reason) == (State.ENDED, EndReason.CANCELLED)


async def test_a_stop_before_the_start_is_a_cancel(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    session = await create(visitor, choice)

    await stop(visitor, session, reason="user")

    assert (session.state, session.end_reason) == (State.ENDED, EndReason.CANCELLED)


async def test_a_cancel_while_the_token_is_made_starts_nothing(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    session = await create(visitor, choice)
    asked, go_on = vendor.hold("/v1/sessions/token")
    starting = asyncio.create_task(start(visitor, session))
    await asked.wait()

    await stop(visitor, session, reason="cancelled")
    go_on.set()

    assert (await starting).status_code == 409
    assert vendor.bodies("/v1/sessions/start") == []


async def test_a_start_goes_on_when_its_page_is_closed(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    session = await create(visitor, choice)
    asked, go_on = vendor.hold("/v1/sessions/start")
    request = asyncio.create_task(start(visitor, session))
    await asked.wait()

    request.cancel()
    go_on.set()
    await start(visitor, session)

    assert session.state == State.LIVE
    assert len(vendor.bodies("/v1/sessions/start")) == 1


@pytest.mark.parametrize(
    ("status", "code", "expected", "retry"),
    [
        (403, 4033, "service.no_credits", False),
        (403, 4032, "service.busy", True),
        (401, 4001, "service.key", False),
        (422, 4000, "service.choice", False),
        (429, 4290, "service.rate_limited", True),
        (500, 500, "service.fault", True),
    ],
)
async def test_a_refused_start_is_explained_undone_and_not_repeated(
    visitor: AsyncClient,
    choice: dict[str, Any],
    vendor: Vendor,
    presence: Presence,
    status: int,
    code: int,
    expected: str,
    retry: bool,
) -> None:
    vendor.refuse("/v1/sessions/start", status, code, "vendor's words <b>")
    session = await create(visitor, choice)

    response = await start(visitor, session)

    error = response.json()["error"]
    assert (response.status_code, error["code"], error["retry"]) == (502, expected, retry)
    assert "vendor's words" not in response.content.decode()
    assert (session.state, session.end_reason, session.end_detail) == (
        State.FAILED,
        EndReason.START_FAILED,
        error["message"],
    )
    assert len(vendor.bodies("/v1/sessions/start")) == 1
    assert vendor.bodies("/v1/sessions/stop") == [{"session_id": session.remote_id, "reason": "UNKNOWN"}]


async def test_an_end_stops_the_session_at_the_service_once_and_wipes_its_secrets(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    session = await create(visitor, choice)
    await start(visitor, session)

    first = await stop(visitor, session, reason="user")
    second = await stop(visitor, session, reason="room_lost")

    assert first == second
    assert first["end_text"] == "You ended the conversation."
    assert vendor.bodies("/v1/sessions/stop") == [{"session_id": session.remote_id, "reason": "USER_CLOSED"}]
    assert (session.room_token, session.session_token) == ("", "")


async def test_the_events_of_a_session_name_its_start_and_its_end(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    session = await create(visitor, choice)
    await start(visitor, session)
    await stop(visitor, session, reason="room_lost", detail="signal lost")

    events = [(event.source, event.type, event.payload) async for event in session.events.all()]
    assert events == [
        ("site", "session.started", {"by": "site"}),
        ("site", "session.ended", {"reason": "ROOM_LOST", "detail": "signal lost"}),
    ]
    assert (session.started_at is None, session.ended_at is None) == (False, False)
    assert (session.max_duration, session.end_detail) == (600, "signal lost")


async def test_an_end_wipes_the_token_of_a_browser_managed_start(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    session = await create(visitor, {**choice, "start_mode": "browser"})
    await start(visitor, session)
    kept = session.session_token

    await stop(visitor, session, reason="user")

    assert (kept, session.session_token) == ("canary-session-token", "")


async def test_a_released_session_is_not_released_again(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    session = await create(visitor, choice)
    await start(visitor, session)
    await stop(visitor, session, reason="user")

    assert await release_session(session)
    assert len(vendor.bodies("/v1/sessions/stop")) == 1


async def test_a_long_detail_of_an_end_is_shortened(session: AvatarSession, vendor: Vendor) -> None:
    ended = await end_session(session, EndReason.STAFF, detail="x" * 600)
    again = await end_session(session, EndReason.USER_CLOSED, detail="y")

    await session.arefresh_from_db()
    assert (ended, again) == (True, False)
    assert (session.end_reason, session.end_detail) == (EndReason.STAFF, "x" * 500)


async def test_the_events_of_a_refused_start_keep_the_services_own_words(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    vendor.refuse("/v1/sessions/token", 403, 4033, "vendor's words")
    session = await create(visitor, choice)
    await start(visitor, session)

    event = await session.events.aget()
    assert (event.source, event.type, event.payload["code"]) == (
        "site",
        "session.refused",
        "service.no_credits",
    )
    assert "vendor's words" in event.payload["error"]
    assert session.ended_at is not None


async def test_a_plain_form_ends_the_session_too(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    session = await create(visitor, choice)
    await start(visitor, session)

    response = await visitor.post(f"/sessions/{session.key}/stop/")

    assert response.headers["Location"] == f"/sessions/{session.key}/"
    page = await visitor.get(f"/sessions/{session.key}/")
    assert "You ended the conversation." in page.content.decode()


async def test_an_invalid_beacon_is_refused(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    session = await create(visitor, choice)

    response = await visitor.post(f"/sessions/{session.key}/beacon/", {"frame": "no json"})

    assert response.status_code == 400


@pytest.mark.parametrize("path", ["", "start/", "stop/", "ticket/", "beacon/"])
async def test_another_visitor_finds_no_session(
    visitor: AsyncClient,
    stranger: AsyncClient,
    choice: dict[str, Any],
    vendor: Vendor,
    presence: Presence,
    path: str,
) -> None:
    session = await create(visitor, choice)

    ask = stranger.get if path == "" else stranger.post
    response = await ask(f"/sessions/{session.key}/{path}")

    assert response.status_code == 404
    await session.arefresh_from_db()
    assert session.state == State.CREATED


@pytest.mark.parametrize(
    "change", [{"avatar_id": str(uuid4())}, {"quality": "8k"}, {"language": "tlh"}, {"start_mode": "later"}]
)
async def test_a_choice_the_service_does_not_offer_is_refused_with_the_form(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence, change: dict[str, str]
) -> None:
    response = await visitor.post("/sessions/", {**choice, **change})

    assert response.status_code == 422
    assert not await AvatarSession.objects.aexists()


async def test_too_many_starts_from_one_address_are_refused_for_a_while(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence, settings: Any
) -> None:
    settings.STARTS_PER_MINUTE = 2
    for _ in range(2):
        await create(visitor, {**choice, "request_id": str(uuid4())})

    response = await visitor.post("/sessions/", {**choice, "request_id": str(uuid4())})

    assert (response.status_code, response.headers["Retry-After"]) == (429, "60")
    assert await AvatarSession.objects.acount() == 2


async def test_no_more_sessions_are_opened_than_the_site_allows(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence, settings: Any
) -> None:
    settings.MAX_OPEN_SESSIONS = 1
    await create(visitor, choice)

    response = await visitor.post("/sessions/", {**choice, "request_id": str(uuid4())})

    assert response.status_code == 503
    assert "All avatars are talking right now" in response.content.decode()


async def test_the_lobby_explains_that_the_service_cannot_be_reached(
    visitor: AsyncClient, vendor: Vendor
) -> None:
    async def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    vendor.answers = dict.fromkeys(("/v1/avatars", "/v1/avatars/public"), away)

    response = await visitor.get("/")

    assert response.status_code == 503
    assert "make demo" in response.content.decode()


async def test_a_conversation_starts_without_the_lists_of_voices_and_languages(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    for path in ("/v1/voices", "/v1/languages", "/v1/avatars"):
        vendor.refuse(path, 500, 500, "out of order")

    page = await visitor.get("/")
    session = await create(visitor, {**choice, "voice_id": ""})

    assert page.status_code == 200
    assert (await start(visitor, session)).json()["state"] == "live"


async def test_neither_key_nor_session_token_reach_a_page(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    session = await create(visitor, choice)
    await start(visitor, session)

    pages = [await visitor.get(path) for path in ("/", "/visit/", f"/sessions/{session.key}/")]

    for page in pages:
        text = page.content.decode()
        assert API_KEY not in text
        assert "canary-session-token" not in text
        assert "canary-room-token" not in text


async def test_a_post_without_the_csrf_token_does_nothing(choice: dict[str, Any], vendor: Vendor) -> None:
    careful = AsyncClient(enforce_csrf_checks=True)
    await careful.get("/")

    response = await careful.post("/sessions/", choice)

    assert response.status_code == 403
    assert not await AvatarSession.objects.aexists()


async def test_a_page_that_went_away_during_the_start_leaves_no_running_session(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence, settings: Any
) -> None:
    session = await create(visitor, choice)
    asked, go_on = vendor.hold("/v1/sessions/start")
    stopped, stop_now = vendor.hold("/v1/sessions/stop")
    starting = asyncio.create_task(start(visitor, session))
    await asked.wait()

    settings.PAGE_GRACE = 0.01  # begins when the start succeeded; the page does not connect
    go_on.set()
    await starting
    stop_now.set()
    async with asyncio.timeout(5):
        await stopped.wait()

    await session.arefresh_from_db()
    assert session.end_reason == EndReason.PAGE_CLOSED
    assert len(vendor.bodies("/v1/sessions/stop")) == 1


@pytest.mark.parametrize(
    ("vendors", "stored"),
    [("IDLE_TIMEOUT", EndReason.IDLE_TIMEOUT), (None, EndReason.ROOM_LOST)],
    ids=["the vendor ended it", "the vendor still runs it"],
)
async def test_a_room_that_closed_without_a_word_ends_the_session_for_the_vendors_reason(
    visitor: AsyncClient,
    choice: dict[str, Any],
    vendor: Vendor,
    presence: Presence,
    vendors: str | None,
    stored: EndReason,
) -> None:
    session = await create(visitor, choice)
    await start(visitor, session)

    async def shown(request: httpx.Request) -> httpx.Response:
        summary = {"id": session.remote_id, "mode": "FULL", "end_reason": vendors}
        return httpx.Response(200, json={"code": 1000, "message": "success", "data": summary})

    vendor.answers[f"/v1/sessions/{session.remote_id}"] = shown
    answer = await stop(visitor, session, reason="room_lost")

    assert answer["end_reason"] == stored
    assert answer["end_text"] == TO_VISITORS[stored]


async def test_a_vendor_that_does_not_say_why_the_room_closed_leaves_it_lost(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    session = await create(visitor, choice)
    await start(visitor, session)
    vendor.refuse(f"/v1/sessions/{session.remote_id}", 404, 404, "gone")

    assert (await stop(visitor, session, reason="room_lost"))["end_reason"] == EndReason.ROOM_LOST


async def test_a_vendor_that_does_not_answer_soon_does_not_hold_up_the_stop(
    visitor: AsyncClient,
    choice: dict[str, Any],
    vendor: Vendor,
    presence: Presence,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = await create(visitor, choice)
    await start(visitor, session)
    monkeypatch.setattr("sessions_app.lifecycle.reported.REASON_WITHIN", 0.01)
    asked, _never = vendor.hold(f"/v1/sessions/{session.remote_id}")

    answer = await stop(visitor, session, reason="room_lost")

    assert asked.is_set()
    assert answer["end_reason"] == EndReason.ROOM_LOST
    assert len(vendor.bodies("/v1/sessions/stop")) == 1
