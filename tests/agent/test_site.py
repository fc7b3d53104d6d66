"""The agent's connection to the site, with the real consumer and real sockets that break."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from channels.db import database_sync_to_async
from django.utils import timezone

from agent.site.client import SiteClient
from agent.site.job_metadata import InvalidJobMetadata, JobMetadata
from rigs.agent.reports import turns
from rigs.asgi_server import AsgiServer, asgi_server
from rigs.vendor import Vendor
from sessions_app.custom.agent_line import agent_group, dismiss_agent, send_start
from sessions_app.custom.lease import signed_key
from sessions_app.models import AgentLease, AvatarSession, Mode, SessionEvent, Turn
from sessions_app.states import State

pytestmark = pytest.mark.django_db(transaction=True)

CONFIG = {
    "avatar_name": "Wayne",
    "language": "en",
    "context": {"prompt": "We open at nine.", "opening_text": "Hello.", "faqs": ["Q: Dogs? A: Yes."]},
}
START = {"ws_url": "ws://media.test/canary-of-the-url", "room_url": "ws://r", "room_token": "canary-token"}


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
    await AgentLease.objects.acreate(session=session, attempt=1, config=CONFIG, dispatched_at=timezone.now())
    return session


Connect = Callable[..., SiteClient]


@pytest.fixture
async def connect(server: AsgiServer, session: AvatarSession) -> AsyncIterator[Connect]:
    """Opens connections of agents of that session, and closes them at the end."""
    running: list[asyncio.Task[None]] = []

    def open_client(attempt: int = 1, key: str | None = None, of: UUID | None = None) -> SiteClient:
        proof = signed_key(session, attempt) if key is None else key
        metadata = JobMetadata(
            site_url=server.url, session=str(of or session.key), attempt=attempt, key=proof, hosted=False
        )
        client = SiteClient(metadata, "AJ_1")
        running.append(asyncio.create_task(client.run()))
        return client

    yield open_client
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


async def test_the_agent_receives_its_config_and_then_access_to_the_session(
    connect: Connect, session: AvatarSession
) -> None:
    client = connect()

    config = await client.welcomed
    assert not client.started.done()
    await live(session)
    access = await client.started

    assert (config.avatar_name, config.language) == ("Wayne", "en")
    assert config.context.prompt == "We open at nine."
    assert config.context.faqs == ("Q: Dogs? A: Yes.",)
    assert (access.ws_url, access.room_token) == (START["ws_url"], START["room_token"])
    assert "canary" not in repr(access)
    lease = await AgentLease.objects.aget(session=session)
    assert (lease.job_id, lease.renewed_at is not None) == ("AJ_1", True)


async def test_every_event_is_stored_once_when_the_connection_breaks_repeatedly(
    connect: Connect, server: AsgiServer, session: AvatarSession
) -> None:
    client = connect()
    await client.welcomed

    for number in range(30):
        client.report("agent.note", {"number": number})
        if number % 10 == 5:
            await server.cut()
        if number % 10 == 7:
            await server.connected(number // 10 + 2)
    await client.flush()

    assert [payload["number"] for _, payload in await stored(session)] == list(range(30))
    assert server.connections >= 4
    assert not client.ended.done()


async def test_an_agent_keeps_its_lease_and_its_events_while_the_site_restarts(
    connect: Connect, server: AsgiServer, session: AvatarSession
) -> None:
    client = connect()
    await client.welcomed
    await live(session)
    await client.started

    await server.stop()
    client.report("agent.note", {"said": "while the site was away"})
    client.set_state("speaking")
    await AgentLease.objects.filter(session=session).aupdate(renewed_at=None)
    await server.start()
    await client.flush()

    assert [kind for kind, _ in await stored(session)] == ["agent.note"]
    lease = await AgentLease.objects.aget(session=session)
    assert (lease.attempt, lease.renewed_at is not None) == (1, True)
    assert not client.ended.done()


async def test_a_replaced_agent_ends_without_an_error(
    connect: Connect, session: AvatarSession, caplog: pytest.LogCaptureFixture
) -> None:
    client = connect()
    await client.welcomed
    await AgentLease.objects.filter(session=session).aupdate(attempt=2)

    client.report("agent.note")
    assert "4409" in await client.ended
    newer = connect(attempt=2)
    await newer.welcomed

    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_an_agent_of_an_older_attempt_is_refused(connect: Connect, session: AvatarSession) -> None:
    await AgentLease.objects.filter(session=session).aupdate(attempt=2)

    assert "4409" in await connect().ended


async def test_the_end_of_the_session_ends_the_connection(
    connect: Connect, server: AsgiServer, session: AvatarSession
) -> None:
    client = connect()
    await client.welcomed

    session.end_reason = "USER_CLOSED"
    await dismiss_agent(session)
    assert await client.ended == "USER_CLOSED"
    await AvatarSession.objects.filter(pk=session.pk).aupdate(state=State.ENDED)
    after = connect()

    assert "4404" in await after.ended
    assert not after.welcomed.done()


async def test_a_forged_key_is_refused_and_not_tried_again(
    connect: Connect, server: AsgiServer, caplog: pytest.LogCaptureFixture
) -> None:
    client = connect(key="forged-canary")

    assert "4401" in await client.ended
    assert server.connections == 1
    assert "canary" not in caplog.text


async def test_a_command_of_staff_reaches_the_agent(connect: Connect, session: AvatarSession) -> None:
    from channels.layers import get_channel_layer

    client = connect()
    await client.welcomed
    layer = get_channel_layer()
    assert layer is not None

    await layer.group_send(
        agent_group(session), {"type": "agent.do", "command": {"event_type": "avatar.test_tone"}}
    )

    assert await client.commands.get() == {"event_type": "avatar.test_tone"}


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
def test_the_metadata_of_a_foreign_dispatch_is_refused(metadata: str) -> None:
    with pytest.raises(InvalidJobMetadata) as refused:
        JobMetadata.parse(metadata)
    assert "canary" not in str(refused.value)


async def test_an_agent_that_takes_over_fetches_the_newest_history(
    connect: Connect, session: AvatarSession
) -> None:
    client = connect()
    config = await client.welcomed
    await Turn.objects.acreate(
        session=session, number=1, place=1, role="user", text="Hello?", started_at=timezone.now()
    )

    assert await client.fetch_history() == turns([("user", "Hello?")])
    assert config.history == ()
