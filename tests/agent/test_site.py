"""The agent's line to the site: the real consumer over real sockets that break."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from channels.db import database_sync_to_async
from django.utils import timezone

from agent.assignment import Assignment, BadAssignment
from agent.site import SiteLink
from rigs.asgi_server import AsgiServer, asgi_server
from rigs.vendor import Vendor
from sessions_app.custom.agent_line import agent_group, dismiss_agent, send_start
from sessions_app.custom.lease import signed_key
from sessions_app.models import AgentLease, AvatarSession, Mode, SessionEvent, Turn
from sessions_app.states import State

pytestmark = pytest.mark.django_db(transaction=True)

BRIEF = {
    "avatar_name": "Wayne",
    "language": "en",
    "context": {"prompt": "We open at nine.", "opening_text": "Hello.", "faqs": ["Q: Dogs? A: Yes."]},
}
START = {"ws_url": "ws://media.test/canary-of-the-line", "room_url": "ws://r", "room_token": "canary-token"}


@pytest.fixture
async def server() -> AsyncIterator[AsgiServer]:
    async with asyncio.timeout(40), asgi_server() as server:
        yield server


@pytest.fixture
async def session(vendor: Vendor) -> AvatarSession:
    """A CUSTOM session that is starting; its agent was dispatched once."""
    session = await AvatarSession.objects.acreate(
        visitor=uuid4(), avatar_id="a", mode=Mode.CUSTOM, state=State.STARTING, remote_id="remote"
    )
    await AgentLease.objects.acreate(session=session, attempt=1, brief=BRIEF, dispatched_at=timezone.now())
    return session


Links = Callable[..., SiteLink]


@pytest.fixture
async def link(server: AsgiServer, session: AvatarSession) -> AsyncIterator[Links]:
    """Lines of agents of that session; they are taken down in the end."""
    running: list[asyncio.Task[None]] = []

    def open_link(attempt: int = 1, key: str | None = None, of: UUID | None = None) -> SiteLink:
        proof = signed_key(session, attempt) if key is None else key
        line = SiteLink(Assignment(server.url, str(of or session.key), attempt, proof, hosted=False), "AJ_1")
        running.append(asyncio.create_task(line.run()))
        return line

    yield open_link
    for task in running:
        task.cancel()
        await asyncio.wait({task})


@database_sync_to_async
def stored(session: AvatarSession) -> list[tuple[str, dict[str, Any]]]:
    events = SessionEvent.objects.filter(session=session).exclude(source="site").order_by("source", "seq")
    return [(event.type, event.payload) for event in events]


async def live(session: AvatarSession) -> None:
    """The service runs the session."""
    await AvatarSession.objects.filter(pk=session.pk).aupdate(state=State.LIVE)
    await send_start(session, START)


async def test_the_agent_is_told_what_it_is_and_then_where_its_avatar_is_spoken_for(
    link: Links, session: AvatarSession
) -> None:
    line = link()

    welcome = await line.welcomed
    assert not line.started.done()
    await live(session)
    start = await line.started

    assert (welcome.avatar_name, welcome.prompt, welcome.faqs) == (
        *("Wayne", "We open at nine."),
        ("Q: Dogs? A: Yes.",),
    )
    assert (start.ws_url, start.room_token) == (START["ws_url"], START["room_token"])
    assert "canary" not in repr(start)
    lease = await AgentLease.objects.aget(session=session)
    assert (lease.job_id, lease.renewed_at is not None) == ("AJ_1", True)


async def test_everything_is_stored_once_however_often_the_line_breaks(
    link: Links, server: AsgiServer, session: AvatarSession
) -> None:
    line = link()
    await line.welcomed

    for number in range(30):
        line.report("agent.note", {"number": number})
        if number % 10 == 5:
            await server.cut()
        if number % 10 == 7:
            await server.connected(number // 10 + 2)
    await line.flushed()

    assert [payload["number"] for _, payload in await stored(session)] == list(range(30))
    assert server.connections >= 4
    assert not line.ended.done()


async def test_while_the_site_restarts_the_agent_goes_on_and_keeps_its_lease(
    link: Links, server: AsgiServer, session: AvatarSession
) -> None:
    line = link()
    await line.welcomed
    await live(session)
    await line.started

    await server.stop()
    line.report("agent.note", {"said": "while the site was away"})
    line.be("speaking")
    await AgentLease.objects.filter(session=session).aupdate(renewed_at=None)
    await server.start()
    await line.flushed()

    assert [kind for kind, _ in await stored(session)] == ["agent.note"]
    lease = await AgentLease.objects.aget(session=session)
    assert (lease.attempt, lease.renewed_at is not None) == (1, True)
    assert not line.ended.done()


async def test_an_agent_that_was_replaced_ends_quietly(
    link: Links, session: AvatarSession, caplog: pytest.LogCaptureFixture
) -> None:
    line = link()
    await line.welcomed
    await AgentLease.objects.filter(session=session).aupdate(attempt=2)

    line.report("agent.note")
    assert "4409" in await line.ended
    newer = link(attempt=2)
    await newer.welcomed

    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_an_agent_that_comes_too_late_is_sent_away_at_once(link: Links, session: AvatarSession) -> None:
    await AgentLease.objects.filter(session=session).aupdate(attempt=2)

    assert "4409" in await link().ended


async def test_the_end_of_the_session_ends_the_line(
    link: Links, server: AsgiServer, session: AvatarSession
) -> None:
    line = link()
    await line.welcomed

    session.end_reason = "USER_CLOSED"
    await dismiss_agent(session)
    assert await line.ended == "USER_CLOSED"
    await AvatarSession.objects.filter(pk=session.pk).aupdate(state=State.ENDED)
    after = link()

    assert "4404" in await after.ended
    assert not after.welcomed.done()


async def test_a_forged_key_opens_nothing_and_is_not_tried_again(
    link: Links, server: AsgiServer, caplog: pytest.LogCaptureFixture
) -> None:
    line = link(key="forged-canary")

    assert "4401" in await line.ended
    assert server.connections == 1
    assert "canary" not in caplog.text


async def test_an_order_of_staff_reaches_the_agent(link: Links, session: AvatarSession) -> None:
    from channels.layers import get_channel_layer

    line = link()
    await line.welcomed
    layer = get_channel_layer()
    assert layer is not None

    await layer.group_send(
        agent_group(session), {"type": "agent.do", "command": {"event_type": "avatar.test_tone"}}
    )

    assert (await line.orders.get())["command"] == {"event_type": "avatar.test_tone"}


@pytest.mark.parametrize(
    "metadata",
    [
        "",
        "[]",
        "{}",
        '{"site_url": "http://s", "session": "x", "attempt": "one", "key": "k", "hosted": false}',
        '{"site_url": "file:///etc", "session": "x", "attempt": 1, "key": "canary", "hosted": false}',
    ],
)
def test_a_dispatch_that_is_not_the_sites_is_refused(metadata: str) -> None:
    with pytest.raises(BadAssignment) as refused:
        Assignment.parse(metadata)
    assert "canary" not in str(refused.value)


async def test_who_takes_over_asks_again_what_was_said(link: Links, session: AvatarSession) -> None:
    line = link()
    welcome = await line.welcomed
    await Turn.objects.acreate(session=session, role="user", text="Hello?", started_at=timezone.now())

    assert await line.history() == (("user", "Hello?"),)
    assert welcome.history == ()
