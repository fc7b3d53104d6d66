"""The pages of one process: they keep their sessions, and a session without its page ends."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import InterfaceError
from django.test import AsyncClient
from django.utils import timezone

from rigs.site_requests import create, start
from rigs.vendor import Vendor
from sessions_app.end_reasons import EndReason
from sessions_app.lifecycle.presence import Presence, _while_open
from sessions_app.models import AvatarSession
from sessions_app.states import State

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def other_process() -> AsyncIterator[Presence]:
    """The presence of another process of the site."""
    other = Presence()
    yield other
    await other.close()


async def grace_over(presence: Presence, session: AvatarSession) -> None:
    """Wait until the session's grace is over and its outcome is written."""
    async with asyncio.timeout(5):
        await asyncio.gather(presence._waiting[session.pk])
    await session.arefresh_from_db()


async def test_a_session_whose_page_never_connects_ends(
    session: AvatarSession, presence: Presence, settings: Any
) -> None:
    settings.PAGE_GRACE = 0.01

    presence.expect(session.pk)
    await grace_over(presence, session)

    assert (session.state, session.end_reason) == (State.ENDED, EndReason.PAGE_CLOSED)
    assert session.end_detail == ""
    assert session.pk not in presence._waiting


async def test_the_grace_begins_anew_with_each_sign_of_a_page(
    session: AvatarSession, presence: Presence
) -> None:
    first = presence._waiting[session.pk]

    presence.expect(session.pk)
    await asyncio.gather(first, return_exceptions=True)

    assert first.cancelled()
    assert not presence._waiting[session.pk].done()


async def test_a_page_that_reconnected_to_another_process_keeps_its_session(
    session: AvatarSession, presence: Presence, settings: Any
) -> None:
    settings.PAGE_GRACE = 0.01
    # A mark by the other process, later than the beginning of the grace.
    await AvatarSession.objects.aupdate(page_seen_at=timezone.now() + timedelta(minutes=1))

    presence.expect(session.pk)
    await grace_over(presence, session)

    assert session.state == State.LIVE


async def test_a_shutdown_leaves_the_sessions_of_other_processes_alone(
    session: AvatarSession, presence: Presence, other_process: Presence
) -> None:
    elsewhere = await AvatarSession.objects.acreate(
        visitor=uuid4(), avatar_id="a", state=State.LIVE, remote_id="remote-2"
    )
    await presence.arrived(session)
    await other_process.arrived(elsewhere)

    await presence.stop()

    await session.arefresh_from_db()
    await elsewhere.arefresh_from_db()
    assert (session.state, session.end_reason) == (State.ENDED, EndReason.SITE_STOPPED)
    assert elsewhere.state == State.LIVE


async def test_a_shutdown_ends_sessions_whose_page_is_still_expected(
    session: AvatarSession, presence: Presence
) -> None:
    await presence.stop()

    await session.arefresh_from_db()
    assert (session.state, session.end_reason) == (State.ENDED, EndReason.SITE_STOPPED)


async def test_a_page_that_connects_is_seen_at_once(session: AvatarSession, presence: Presence) -> None:
    await AvatarSession.objects.aupdate(page_seen_at=timezone.now() - timedelta(hours=1))
    before = timezone.now()

    await presence.arrived(session)

    await session.arefresh_from_db()
    assert session.page_seen_at >= before


async def test_one_keeper_serves_all_pages_of_a_session_until_the_last_one_leaves(
    session: AvatarSession, presence: Presence
) -> None:
    before = asyncio.all_tasks()
    await presence.arrived(session)
    keeper = presence._keepers[session.pk]
    await presence.arrived(session)
    keepers = [task for task in asyncio.all_tasks() - before if "page of session" in task.get_name()]

    presence.left(session.pk)
    presence.left(session.pk)
    await asyncio.wait({keeper}, timeout=5)

    assert keepers == [keeper]
    assert keeper.cancelled()
    assert session.pk not in presence._keepers


async def test_a_page_that_is_open_before_the_start_is_kept_alive_after_it(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence, settings: Any
) -> None:
    session = await create(visitor, choice)
    settings.KEEP_ALIVE_INTERVAL, settings.PAGE_GRACE = 0.01, 0.03  # a grace has three marks of the row
    asked, go_on = vendor.hold("/v1/sessions/keep-alive")
    await presence.arrived(session)
    await marked_again(session)
    before_the_start = asked.is_set()

    await start(visitor, session)
    async with asyncio.timeout(5):
        await asked.wait()
    go_on.set()

    assert not before_the_start
    assert vendor.bodies("/v1/sessions/keep-alive")[0] == {"session_id": session.remote_id}


async def marked_again(session: AvatarSession) -> None:
    """Make the session's last sign of a page old, and wait until its process marks it again."""
    past = timezone.now() - timedelta(hours=1)
    await AvatarSession.objects.filter(pk=session.pk).aupdate(page_seen_at=past)
    async with asyncio.timeout(5):
        while not await AvatarSession.objects.filter(pk=session.pk, page_seen_at__gt=past).aexists():
            await asyncio.sleep(0)


async def test_a_keep_alive_that_fails_is_logged_and_repeated(
    session: AvatarSession,
    vendor: Vendor,
    presence: Presence,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.KEEP_ALIVE_INTERVAL, settings.PAGE_GRACE = 0.01, 0.03  # a grace has three marks of the row
    vendor.refuse("/v1/sessions/keep-alive", 500, 500, "away")
    await presence.arrived(session)
    await marked_again(session)
    await marked_again(session)
    asked, go_on = vendor.hold("/v1/sessions/keep-alive")
    go_on.set()
    async with asyncio.timeout(5):
        await asked.wait()

    assert f"session {session.key}: keep-alive failed" in caplog.text


async def test_one_of_two_pages_keeps_the_session(session: AvatarSession, presence: Presence) -> None:
    await presence.arrived(session)
    await presence.arrived(session)

    presence.left(session.pk)
    one_left = session.pk in presence._waiting
    presence.left(session.pk)

    assert (one_left, session.pk in presence._waiting) == (False, True)


def beacon(**form: str) -> dict[str, str]:
    frame = (
        '{"type":"events","source":"page-1111","events":'
        '[{"seq":1,"type":"page.closed","direction":"page","at":1763630000000,"payload":{}}]}'
    )
    return {"frame": frame, **form}


async def test_the_beacon_of_a_page_that_leaves_begins_the_grace(
    session: AvatarSession, visitor: AsyncClient, presence: Presence, settings: Any
) -> None:
    settings.PAGE_GRACE = 0.01

    response = await visitor.post(f"/sessions/{session.key}/beacon/", beacon(leaving="1"))
    await grace_over(presence, session)

    assert response.status_code == 204
    assert await session.events.filter(type="page.closed").aexists()
    assert (session.state, session.end_reason) == (State.ENDED, EndReason.PAGE_CLOSED)


async def test_the_beacon_of_a_page_that_stays_begins_no_grace(
    session: AvatarSession, visitor: AsyncClient, presence: Presence
) -> None:
    grace_of_the_start = presence._waiting[session.pk]

    response = await visitor.post(f"/sessions/{session.key}/beacon/", beacon())

    assert response.status_code == 204
    assert await session.events.filter(type="page.closed").aexists()
    assert presence._waiting[session.pk] is grace_of_the_start


@pytest.mark.virtual_time
async def test_a_round_that_the_database_refused_is_repeated_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, rounds = asyncio.get_running_loop().time, []

    async def nothing_to_close() -> None: ...

    async def mark(session_id: int) -> bool:
        rounds.append(clock())
        if len(rounds) in {1, 2}:
            raise InterfaceError("the connection is closed")
        return len(rounds) < 5

    monkeypatch.setattr("sessions_app.lifecycle.presence.aclose_old_connections", nothing_to_close)
    began = clock()
    await _while_open(mark, 1, 5.0)

    assert [round(at - began, 3) for at in rounds] == [5.0, 5.1, 5.3, 10.3, 15.3]
