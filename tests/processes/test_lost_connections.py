"""PostgreSQL restarts under running processes, as it does for an update: their connections are cut."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from rigs.databases.keeping import Databases
from rigs.processes import Site
from rigs.two_sites import PATIENCE, TwoSites, Visitor

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def cut_connections(sites: TwoSites) -> None:
    cut = await sites.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    assert cut


async def test_requests_are_answered_after_connections_were_cut(
    sites: TwoSites, visitor: Visitor, choice: dict[str, Any]
) -> None:
    key = await visitor.create(sites.first, choice)

    for site in (sites.first, sites.second):
        await visitor.get(site, f"/sessions/{key}/")
        await cut_connections(sites)

        assert (await visitor.get(site, f"/sessions/{key}/")).status_code == 200


async def test_a_page_stays_welcome_after_connections_were_cut(
    sites: TwoSites, visitor: Visitor, choice: dict[str, Any]
) -> None:
    key = await visitor.create(sites.first, choice)

    async with visitor.page(sites.first, key) as page:
        await cut_connections(sites)
        event = {"seq": 1, "type": "page.quality", "direction": "page", "at": 1763630000000, "payload": {}}
        await page.send({"type": "events", "events": [event]})

        assert await page.receive() == {"type": "ack", "ack": 1}
    await visitor.stop(sites.first, key)


async def test_a_session_is_still_watched_over_after_connections_were_cut(
    sites: TwoSites, visitor: Visitor, choice: dict[str, Any]
) -> None:
    watched = await visitor.create(sites.first, choice)
    left = await visitor.create(sites.first, {**choice, "request_id": str(uuid4())})

    async with visitor.page(sites.first, watched):
        await visitor.start(sites.second, watched)
        await cut_connections(sites)
        await sites.stopped_for_want_of_a_page(visitor, left)

        assert await sites.session(watched, "state") == ("live",)
    await visitor.stop(sites.first, watched)


async def test_a_stop_still_reaches_the_page_at_the_other_process_after_redis_cut_its_connections(
    sites: TwoSites, visitor: Visitor, choice: dict[str, Any], databases: Databases
) -> None:
    key = await visitor.create(sites.first, choice)

    async with visitor.page(sites.first, key) as page:
        async with Redis.from_url(databases.redis_url) as redis:
            for kind in ("pubsub", "normal"):
                await redis.client_kill_filter(_type=kind, skipme=True)
        await visitor.stop(sites.second, key)

        assert (await page.receive())["state"] == "ended"
    for site in (sites.first, sites.second):
        await _reconnect(visitor, site, key)


async def _reconnect(visitor: Visitor, site: Site, key: UUID) -> None:
    """Connect until the site welcomes, as the page's script does: Channels closes a socket whose Redis call fails."""
    async with asyncio.timeout(PATIENCE):
        welcomed = False
        while not welcomed:
            ticket = await visitor.ticket(site, key)
            async with visitor.socket(site, key) as page:
                await page.send({"type": "hello", "ticket": ticket, "source": "page-1111"})
                welcomed = await page.answer("welcome") is None
