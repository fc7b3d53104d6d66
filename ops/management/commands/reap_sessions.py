"""Runs one round of the reaper, for use while no site runs."""

import asyncio
from typing import Any

from django.core.management.base import BaseCommand

from sessions_app.clients import liveavatar
from sessions_app.custom.livekit_server import livekit_server
from sessions_app.lifecycle.reaper import reap


class Command(BaseCommand):
    help = "End abandoned sessions and repeat releases that failed: at the vendor and in our LiveKit."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"sessions ended or released, and rooms deleted: {asyncio.run(_reap())}")


async def _reap() -> int:
    try:
        return await reap()
    finally:
        await liveavatar.aclose()
        await livekit_server.aclose()
