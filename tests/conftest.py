"""Fixtures of the Django side (a visitor, a session, the scripted vendor), and how every test runs: order and loop."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from uuid import uuid4

import hypothesis
import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.contrib.auth.models import User
from django.core.cache import cache, caches
from django.db import connection, connections
from django.test import AsyncClient

from rigs.file_scheduling import FileScheduling
from rigs.vendor import AVATAR, CONTEXT, VOICE, Vendor
from rigs.virtual_time import VirtualTimeLoop
from sessions_app.clients import liveavatar
from sessions_app.lifecycle.presence import Presence
from sessions_app.models import AvatarSession

# A busy machine makes any example slow. The time of an example says nothing about the code.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FileScheduling | None:
    return FileScheduling(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first, so that none of them runs alone at the end."""
    items.sort(key=lambda item: not item.get_closest_marker("rooms"))
    items.sort(key=lambda item: not item.get_closest_marker("browser"))


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Choose the event loop of a test by its mark `virtual_time`."""
    virtual = item.get_closest_marker("virtual_time") is not None
    return {"virtual time": VirtualTimeLoop} if virtual else {"real time": asyncio.new_event_loop}


def pytest_report_header() -> str:
    return f"site on: {connection.vendor}, {type(get_channel_layer()).__name__}, {type(caches['default']).__name__}"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """Close the connection of asgiref's thread as well: PostgreSQL drops no database that is in use."""
    yield
    asyncio.run(sync_to_async(connections.close_all)())


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    """The scripted service, behind the application's own client."""
    vendor = Vendor()
    liveavatar.use(vendor.client)
    yield vendor
    await liveavatar.aclose()


@pytest.fixture
async def presence(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Presence]:
    """The process's presence, fresh for this test's event loop."""
    fresh = Presence()
    monkeypatch.setattr("sessions_app.sockets.page.presence", fresh)
    monkeypatch.setattr("sessions_app.pages.lobby.presence", fresh)
    monkeypatch.setattr("sessions_app.pages.session.presence", fresh)
    yield fresh
    await fresh.close()


@pytest.fixture
def visitor(async_client: AsyncClient) -> AsyncClient:
    return async_client


@pytest.fixture
def stranger() -> AsyncClient:
    return AsyncClient()


@pytest.fixture
def choice() -> dict[str, Any]:
    """The fields that the lobby's form posts."""
    return {
        "request_id": str(uuid4()),
        "avatar_id": AVATAR["id"],
        "voice_id": VOICE["id"],
        "language": "en",
        "context_id": CONTEXT["id"],
        "quality": "low",
        "interactivity": "CONVERSATIONAL",
        "start_mode": "click",
    }


@pytest.fixture
def session(transactional_db: None) -> AvatarSession:
    """A session that is not started yet."""
    return AvatarSession.objects.create(visitor=uuid4(), avatar_id=AVATAR["id"], avatar_name="Ava")


@pytest.fixture
def staff(transactional_db: None) -> User:
    return User.objects.create_superuser("staff", password="a long password")
