"""The lease of an agent, with the agent's line at one process and the visitor's requests at the other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest

from rigs.agent.leased_agents import LITE_START, Agents, rooms_left
from rigs.processes import Site
from rigs.rooms.room_rig import RoomRig
from rigs.two_sites import Line, TwoSites, Visitor, line_to
from rigs.vendor import CONTEXT
from sessions_app.models import AvatarSession, RoomKind

pytestmark = pytest.mark.asyncio(loop_scope="session")

STALE = 4409


@pytest.fixture
def custom(sites: TwoSites, choice: dict[str, Any]) -> dict[str, Any]:
    """A form that asks for our own agent in our own room, and a service that starts such sessions."""

    async def started(request: httpx.Request) -> httpx.Response:
        return httpx.Response(201, json={"code": 1000, "message": "success", "data": LITE_START})

    async def context(request: httpx.Request) -> httpx.Response:
        data = {**CONTEXT, "prompt": "We open at nine.", "opening_text": "Hello.", "links": []}
        return httpx.Response(200, json={"code": 1000, "message": "success", "data": data})

    sites.vendor.answers["/v1/sessions/start"] = started
    sites.vendor.answers[f"/v1/contexts/{CONTEXT['id']}"] = context
    return {**choice, "answerer": "agent-own-room"}


def dispatches_of(rooms: RoomRig, key: UUID) -> Agents:
    """The workers' side of a session in our own room, whose row is with the two processes."""
    return Agents(rooms, AvatarSession(key=key, room_kind=RoomKind.OWN))


@asynccontextmanager
async def agent(site: Site, assignment: dict[str, Any], job: str) -> AsyncIterator[Line]:
    """An agent that has said hello to that process."""
    async with line_to(site, f"/ws/agents/{assignment['session']}/") as line:
        hello = {"key": assignment["key"], "attempt": assignment["attempt"], "job": job}
        await line.send({"type": "hello", **hello})
        yield line


async def holds_the_lease(line: Line) -> bool:
    """Renew it: the line of an agent without the lease is closed."""
    await line.send({"type": "renew", "state": "listening"})
    await line.send({"type": "events", "events": []})
    code = await line.answer("ack")
    assert code in {None, STALE}
    return code is None


async def test_an_agents_hello_at_one_process_completes_the_start_at_the_other(
    sites: TwoSites, rooms: RoomRig, visitor: Visitor, custom: dict[str, Any]
) -> None:
    key = await visitor.create(sites.first, custom)
    crew = dispatches_of(rooms, key)
    async with visitor.page(sites.first, key):
        starting = asyncio.create_task(visitor.start(sites.first, key))

        async with agent(sites.second, await crew.assignment(), "AJ_1") as line:
            assert (await line.receive())["type"] == "welcome"
            assert await line.receive() == {"type": "start", "start": {"ws_url": LITE_START["ws_url"]}}
            assert (await starting).json()["state"] == "live"

            await visitor.stop(sites.first, key)
            assert await line.receive() == {"type": "end", "reason": "USER_CLOSED"}


async def test_two_agents_that_say_hello_to_two_processes_get_one_lease(
    sites: TwoSites, rooms: RoomRig, visitor: Visitor, custom: dict[str, Any]
) -> None:
    key = await visitor.create(sites.first, custom)
    crew = dispatches_of(rooms, key)
    async with visitor.page(sites.first, key):
        starting = asyncio.create_task(visitor.start(sites.first, key))
        assignment = await crew.assignment()

        async with (
            agent(sites.first, assignment, "AJ_1") as one,
            agent(sites.second, assignment, "AJ_2") as two,
        ):
            assert (await starting).status_code == 200
            held = await asyncio.gather(holds_the_lease(one), holds_the_lease(two))
            leases = await sites.rows(
                "SELECT l.attempt, l.job_id FROM sessions_app_agentlease l"
                " JOIN sessions_app_avatarsession s ON s.id = l.session_id WHERE s.key = %s",
                key,
            )
        await visitor.stop(sites.first, key)

    assert sorted(held) == [False, True]
    assert leases == [(1, "AJ_1" if held[0] else "AJ_2")]


async def test_both_processes_notice_a_lost_agent_and_dispatch_one_new_one(
    sites: TwoSites, rooms: RoomRig, visitor: Visitor, custom: dict[str, Any]
) -> None:
    key = await visitor.create(sites.first, custom)
    crew = dispatches_of(rooms, key)
    async with visitor.page(sites.first, key):
        starting = asyncio.create_task(visitor.start(sites.first, key))
        async with agent(sites.second, await crew.assignment(), "AJ_1") as old:
            assert (await starting).status_code == 200
            await sites.rows(
                "UPDATE sessions_app_agentlease SET renewed_at = now() - interval '1 minute' WHERE session_id ="
                " (SELECT id FROM sessions_app_avatarsession WHERE key = %s) RETURNING id",
                key,
            )

            async with agent(sites.first, await crew.assignment(2), "AJ_2") as new:
                assert (await new.receive())["type"] == "welcome"
                assert await holds_the_lease(new)
                assert not await holds_the_lease(old)
                dispatches = await crew.dispatches()
        await visitor.stop(sites.first, key)

    assert len(dispatches) == 1
    notes = await sites.rows(
        "SELECT e.payload FROM sessions_app_sessionevent e"
        " JOIN sessions_app_avatarsession s ON s.id = e.session_id"
        " WHERE s.key = %s AND e.type = 'agent.replaced'",
        key,
    )
    assert notes == [({"attempt": 2},)]
    assert await rooms_left(rooms, crew.session) == []
