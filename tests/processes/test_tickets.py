"""Tickets of one process, shown to another."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from rigs.processes import Site
from rigs.two_sites import TwoSites, Visitor

pytestmark = pytest.mark.asyncio(loop_scope="session")

BAD_TICKET = 4401


async def show(visitor: Visitor, site: Site, key: UUID, ticket: str) -> int | None:
    """Open a socket with the ticket: None for a welcome, or the code it was closed with."""
    async with visitor.socket(site, key) as page:
        await page.send({"type": "hello", "ticket": ticket, "source": "page-1111"})
        return await page.answer("welcome")


async def test_a_ticket_of_one_process_opens_a_socket_at_the_other_once(
    sites: TwoSites, visitor: Visitor, choice: dict[str, Any]
) -> None:
    key = await visitor.create(sites.first, choice)
    ticket = await visitor.ticket(sites.first, key)

    answers = [await show(visitor, site, key, ticket) for site in (sites.second, sites.second, sites.first)]

    assert answers == [None, BAD_TICKET, BAD_TICKET]


async def test_a_ticket_shown_to_both_processes_at_once_opens_one_socket(
    sites: TwoSites, visitor: Visitor, choice: dict[str, Any]
) -> None:
    key = await visitor.create(sites.first, choice)

    for _ in range(10):  # either process may win, and a lost race shows only sometimes
        ticket = await visitor.ticket(sites.first, key)
        answers = await asyncio.gather(
            *(show(visitor, site, key, ticket) for site in (sites.first, sites.second))
        )
        assert sorted(answers, key=str) == [BAD_TICKET, None]
