"""A scripted media server, and a client of it that is quick to retry."""

from collections.abc import AsyncIterator

import pytest

from liveavatar.media_socket import MediaSocket
from rigs.services.scripted_media import QUICK, ScriptedMedia, scripted_media


@pytest.fixture
async def media() -> AsyncIterator[ScriptedMedia]:
    async with scripted_media() as media:
        yield media


@pytest.fixture
async def avatar(media: ScriptedMedia) -> AsyncIterator[MediaSocket]:
    async with MediaSocket(media.url, **QUICK) as avatar:
        yield avatar
