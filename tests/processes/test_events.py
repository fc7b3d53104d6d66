"""Events of one page that reach both processes, as after a reconnect while the old socket still drains."""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest

from rigs.two_sites import Line, TwoSites, Visitor

pytestmark = pytest.mark.asyncio(loop_scope="session")

FRAMES = [range(1, 11), range(11, 21), range(24, 31), range(31, 41)]  # 21 to 23 are lost
WORDS = {24 + n: word for n, word in enumerate(["We", " open", " at", " nine."])}


def event(seq: int) -> dict[str, Any]:
    kind, direction, payload = "page.quality", "page", {}
    if seq in WORDS:
        kind, direction, payload = "avatar.transcription.chunk", "in", {"text": WORDS[seq]}
    return {"seq": seq, "type": kind, "direction": direction, "at": 1763630000000 + seq, "payload": payload}


async def send_all(page: Line) -> list[int]:
    """Send every frame at once; returns the acks."""
    for frame in FRAMES:
        await page.send({"type": "events", "events": [event(seq) for seq in frame]})
    return [(await page.receive_until("ack"))["ack"] for _ in FRAMES]


async def stored(sites: TwoSites, key: UUID, source: str) -> list[tuple[Any, ...]]:
    return await sites.rows(
        "SELECT e.seq, e.type, e.payload FROM sessions_app_sessionevent e"
        " JOIN sessions_app_avatarsession s ON s.id = e.session_id"
        " WHERE s.key = %s AND e.source = %s ORDER BY e.id",
        key,
        source,
    )


async def test_events_sent_to_both_processes_are_stored_once_in_order_with_their_gap_noted_once(
    sites: TwoSites, visitor: Visitor, choice: dict[str, Any]
) -> None:
    key = await visitor.create(sites.first, choice)

    async with visitor.page(sites.first, key) as one, visitor.page(sites.second, key) as other:
        acks = await asyncio.gather(send_all(one), send_all(other))

    assert all(numbers == sorted(numbers) and numbers[-1] == 40 for numbers in acks)
    assert [seq for seq, *_ in await stored(sites, key, "page-1111")] == [seq for f in FRAMES for seq in f]
    (gap,) = [payload for _, kind, payload in await stored(sites, key, "site") if kind == "events.gap"]
    assert gap == {"source": "page-1111", "first": 21, "last": 23}
    turns = await sites.rows(
        "SELECT t.heard FROM sessions_app_turn t JOIN sessions_app_avatarsession s ON s.id = t.session_id"
        " WHERE s.key = %s",
        key,
    )
    assert turns == [("We open at nine.",)]


async def test_a_beacon_at_one_process_and_the_socket_at_the_other_store_an_event_once(
    sites: TwoSites, visitor: Visitor, choice: dict[str, Any]
) -> None:
    key = await visitor.create(sites.first, choice)
    events = [event(seq) for seq in range(1, 4)]
    beacon = {"frame": json.dumps({"type": "events", "source": "page-1111", "events": events})}

    async with visitor.page(sites.first, key) as page:
        await page.send({"type": "events", "events": events})
        answer, ack = await asyncio.gather(
            visitor.post(sites.second, f"/sessions/{key}/beacon/", beacon), page.receive()
        )

    assert (answer.status_code, ack) == (204, {"type": "ack", "ack": 3})
    assert [seq for seq, *_ in await stored(sites, key, "page-1111")] == [1, 2, 3]


async def test_a_page_that_comes_back_to_the_other_process_goes_on_where_it_stopped(
    sites: TwoSites, visitor: Visitor, choice: dict[str, Any]
) -> None:
    key = await visitor.create(sites.first, choice)
    async with visitor.page(sites.first, key) as page:
        await page.send({"type": "events", "events": [event(1), event(2)]})
        assert await page.receive() == {"type": "ack", "ack": 2}

    ticket = await visitor.ticket(sites.second, key)
    async with visitor.socket(sites.second, key) as page:
        await page.send({"type": "hello", "ticket": ticket, "source": "page-1111"})

        assert (await page.receive())["ack"] == 2
