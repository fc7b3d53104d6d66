"""One round of the reaper by hand, for a machine on which no site runs at the moment."""

import asyncio
from typing import Any

from django.core.management.base import BaseCommand

from sessions_app.clients import close_avatar_service
from sessions_app.custom.own_rooms import close_livekit
from sessions_app.lifecycle.presence import reap


class Command(BaseCommand):
    help = "End abandoned sessions, and stop at the service what could not be stopped before."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{asyncio.run(_reap())} sessions dealt with")


async def _reap() -> int:
    try:
        return await reap()
    finally:
        await close_avatar_service()
        await close_livekit()
