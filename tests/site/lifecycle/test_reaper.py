"""The reaper: what it ends, what it leaves alone, and how its rounds go on."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import AsyncClient
from django.utils import timezone

from rigs.site_requests import create, start, stop
from rigs.vendor import Vendor
from sessions_app.end_reasons import EndReason
from sessions_app.lifecycle import reaper as rounds
from sessions_app.lifecycle.presence import Presence
from sessions_app.lifecycle.reaper import Reaper, reap
from sessions_app.models import AvatarSession, Mode
from sessions_app.states import State

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def reaper() -> AsyncIterator[Reaper]:
    reaper = Reaper()
    yield reaper
    await reaper.stop()


async def unseen_for(session: AvatarSession, seconds: float) -> None:
    past = timezone.now() - timedelta(seconds=seconds)
    await AvatarSession.objects.filter(pk=session.pk).aupdate(page_seen_at=past)


async def test_a_session_that_no_page_was_seen_on_ends_and_the_others_stay(
    session: AvatarSession, visitor: AsyncClient, choice: dict[str, Any]
) -> None:
    watched = await create(visitor, {**choice, "request_id": uuid4()})
    await start(visitor, watched)
    await unseen_for(session, 3600)

    assert await reap() == 1

    await session.arefresh_from_db()
    await watched.arefresh_from_db()
    assert (watched.state, session.state) == (State.LIVE, State.ENDED)
    assert session.end_reason == EndReason.ZOMBIE_SESSION_REAP


async def test_a_round_counts_all_sessions_that_it_ended_or_released(
    session: AvatarSession, vendor: Vendor
) -> None:
    long_ago = timezone.now() - timedelta(hours=1)
    for state in (State.LIVE, State.LIVE, State.ENDED, State.FAILED):
        await AvatarSession.objects.acreate(
            visitor=uuid4(), avatar_id="a", state=state, remote_id=str(uuid4()), page_seen_at=long_ago
        )

    assert (await reap(), await reap()) == (4, 0)
    assert len(vendor.bodies("/v1/sessions/stop")) == 4


@pytest.mark.parametrize(("seconds", "state"), [(185, State.LIVE), (205, State.ENDED)])
async def test_a_page_may_miss_three_keep_alives_and_the_grace(
    session: AvatarSession, settings: Any, seconds: float, state: State
) -> None:
    settings.KEEP_ALIVE_INTERVAL, settings.PAGE_GRACE = 60, 15
    await unseen_for(session, seconds)

    await reap()

    await session.arefresh_from_db()
    assert session.state == state


async def test_a_stop_that_the_vendor_did_not_take_is_repeated(
    session: AvatarSession, visitor: AsyncClient, vendor: Vendor
) -> None:
    vendor.refuse("/v1/sessions/stop", 500, 500, "away")
    await stop(visitor, session, reason="user")
    while_away = (await reap(), session.released_at)

    del vendor.answers["/v1/sessions/stop"]
    counts = await reap(), await reap()

    await session.arefresh_from_db()
    assert (while_away, counts) == ((0, None), (1, 0))
    assert session.released_at is not None


async def test_a_failed_start_that_could_not_be_undone_is_released(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    for path in ("/v1/sessions/start", "/v1/sessions/stop"):
        vendor.refuse(path, 500, 500, "away")
    session = await create(visitor, choice)
    await start(visitor, session)
    failed = (session.state, session.released_at)

    del vendor.answers["/v1/sessions/stop"]
    count = await reap()

    await session.arefresh_from_db()
    assert (failed, count) == ((State.FAILED, None), 1)
    assert session.released_at is not None


async def test_a_session_that_never_reached_the_vendor_has_nothing_to_release(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    session = await create(visitor, choice)
    await stop(visitor, session, reason="user")

    assert await reap() == 0
    assert vendor.bodies("/v1/sessions/stop") == []


async def test_only_custom_sessions_without_the_vendors_id_wait_for_a_release(session: AvatarSession) -> None:
    made = {"visitor": uuid4(), "avatar_id": "a", "state": State.FAILED}
    await AvatarSession.objects.acreate(**made)
    custom = await AvatarSession.objects.acreate(**made, mode=Mode.CUSTOM, request_id=uuid4())

    assert [row.pk async for row in AvatarSession.objects.unreleased()] == [custom.pk]


async def test_rounds_begin_with_the_server_and_end_with_it(
    session: AvatarSession, reaper: Reaper, vendor: Vendor
) -> None:
    asked, go_on = vendor.hold("/v1/sessions/stop")
    await unseen_for(session, 3600)

    before = asyncio.all_tasks()
    reaper.start()
    async with asyncio.timeout(5):
        await asked.wait()
    go_on.set()
    await reaper.stop()

    await session.arefresh_from_db()
    assert session.end_reason == EndReason.ZOMBIE_SESSION_REAP
    assert asyncio.all_tasks() == before


async def test_a_reaper_that_was_not_started_can_be_stopped(reaper: Reaper) -> None:
    await reaper.stop()


@pytest.mark.parametrize("available", [False, True])
async def test_leases_are_watched_where_custom_sessions_are_offered(
    transactional_db: None,
    reaper: Reaper,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    available: bool,
) -> None:
    counts, twice = Counter[str](), asyncio.Event()

    def counted(name: str) -> Callable[[], Awaitable[int]]:
        async def work() -> int:
            counts[name] += 1
            if counts["reap"] > 1 and (counts["replace_lost_agents"] > 1 or not available):
                twice.set()
            return 0

        return work

    for name, interval in (("reap", "REAP_INTERVAL"), ("replace_lost_agents", "LEASE_INTERVAL")):
        monkeypatch.setattr(rounds, name, counted(name))
        monkeypatch.setattr(rounds, interval, 0.01)
    settings.CUSTOM_AVAILABLE = available

    before = asyncio.all_tasks()
    reaper.start()
    async with asyncio.timeout(5):
        await twice.wait()
    await reaper.stop()

    assert (counts["replace_lost_agents"] > 0) is available
    assert asyncio.all_tasks() == before


async def test_a_round_that_fails_is_logged_and_not_the_last(
    reaper: Reaper, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    settings.CUSTOM_AVAILABLE = False
    second_round = asyncio.Event()
    outcomes = iter([RuntimeError("the database is away"), None])

    async def reap() -> int:
        if error := next(outcomes):
            raise error
        second_round.set()
        return 0

    monkeypatch.setattr(rounds, "reap", reap)
    monkeypatch.setattr(rounds, "REAP_INTERVAL", 0.01)

    reaper.start()
    async with asyncio.timeout(5):
        await second_round.wait()
    await reaper.stop()

    assert "a round of reap failed" in caplog.text
    assert "the database is away" in caplog.text
