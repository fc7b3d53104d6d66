"""The rooms of a server."""

import asyncio
import logging
from collections.abc import Iterator

from livekit.protocol import models as M
from livekit.protocol import room as RM

from simulator.room.agency import Agency
from simulator.room.room import Room

logger = logging.getLogger(__name__)

# The version that clients see. They choose features by it; this server behaves like this version.
SERVER_INFO = M.ServerInfo(
    edition=M.ServerInfo.Standard,
    version="1.9.4",
    protocol=16,
    region="",
    node_id="embedded",
    agent_protocol=1,
)


class Rooms:
    """The rooms by name. Only `open` creates one."""

    def __init__(self, agency: Agency) -> None:
        self._agency = agency
        self._rooms: dict[str, Room] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[Room]:
        return iter(list(self._rooms.values()))

    def get(self, name: str) -> Room | None:
        return self._rooms.get(name)

    def open(self, request: RM.CreateRoomRequest) -> Room:
        """Return the room of that name; create it if there is none. The settings of an existing room stay."""
        room = self._rooms.get(request.name)
        if room is None:
            room = self._rooms[request.name] = Room(
                request, SERVER_INFO, self._agency, self._expired, self._own
            )
            logger.info("room %s opened", room.name)
        return room

    def delete(self, room: Room, reason: M.DisconnectReason) -> None:
        if self._rooms.get(room.name) is room:
            del self._rooms[room.name]
            room.close(reason)
            logger.info("room %s closed", room.name)

    async def close(self) -> None:
        """Close all rooms, then wait until all participants have been told and all connections are closed."""
        for room in self:
            self.delete(room, M.DisconnectReason.SERVER_SHUTDOWN)
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _expired(self, room: Room) -> None:
        self.delete(room, M.DisconnectReason.ROOM_CLOSED)

    def _own(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
