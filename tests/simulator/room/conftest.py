"""The tests of rooms run on the embedded room server and on a livekit-server."""

from collections.abc import AsyncIterator

import pytest

from rigs.rooms.room_rig import EVERY_SERVER, RoomRig, room_rig


@pytest.fixture(params=EVERY_SERVER)
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[RoomRig]:
    async with room_rig(request.param) as rig:
        yield rig
