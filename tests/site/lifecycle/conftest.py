"""Presence and reaper look after sessions that run."""

from typing import Any

import pytest
from django.test import AsyncClient

from rigs.site_requests import create, start
from rigs.vendor import Vendor
from sessions_app.lifecycle.presence import Presence
from sessions_app.models import AvatarSession


@pytest.fixture
async def session(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> AvatarSession:
    """A live session, whose page was opened but has not connected yet."""
    session = await create(visitor, choice)
    await start(visitor, session)
    return session
