"""LiveKit's AgentDispatchService, for server SDKs such as livekit-api."""

from livekit.protocol import agent_dispatch as AD
from livekit.protocol import room as RM

from simulator.room.room import Room
from simulator.room.rooms import Rooms
from simulator.room.twirp import Method, TwirpError, may_administer


class DispatchService:
    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def methods(self) -> dict[str, Method]:
        """Return the calls by name."""
        return {
            "CreateDispatch": Method(AD.CreateAgentDispatchRequest, may_administer, self.create_dispatch),
            "ListDispatch": Method(AD.ListAgentDispatchRequest, may_administer, self.list_dispatch),
            "DeleteDispatch": Method(AD.DeleteAgentDispatchRequest, may_administer, self.delete_dispatch),
        }

    def create_dispatch(self, request: AD.CreateAgentDispatchRequest) -> AD.AgentDispatch:
        """Create a dispatch, and its room if there is none. The answer does not wait for a worker."""
        if not request.room:
            raise TwirpError("invalid_argument", "no room name")
        return self._rooms.open(RM.CreateRoomRequest(name=request.room)).dispatches.create(request)

    def list_dispatch(self, request: AD.ListAgentDispatchRequest) -> AD.ListAgentDispatchResponse:
        records = self._room(request.room).dispatches.records(request.dispatch_id)
        return AD.ListAgentDispatchResponse(agent_dispatches=records)

    def delete_dispatch(self, request: AD.DeleteAgentDispatchRequest) -> AD.AgentDispatch:
        deleted = self._room(request.room).dispatches.delete(request.dispatch_id)
        if deleted is None:
            raise TwirpError("not_found", "dispatch ID not found")
        return deleted

    def _room(self, name: str) -> Room:
        room = self._rooms.get(name)
        if room is None:
            raise TwirpError("not_found", "requested room does not exist")
        return room
