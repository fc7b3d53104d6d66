"""The agent dispatches of a room, as in LiveKit."""

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from livekit.protocol import agent as A
from livekit.protocol import agent_dispatch as AD
from livekit.protocol import models as M

from simulator.room.agency import Agency, Place
from simulator.room.sids import sid
from simulator.room.vacancy import Vacancy

if TYPE_CHECKING:
    from simulator.room.participant import Participant
    from simulator.room.room import Room


class Dispatches:
    """The dispatches of one room. Without explicit ones the workers that have no agent name are dispatched."""

    def __init__(self, room: "Room", wanted: Iterable[AD.RoomAgentDispatch], agency: Agency) -> None:
        self._room = room
        self._agency = agency
        self._dispatches: dict[str, Dispatch] = {}
        for agent in list(wanted) or [AD.RoomAgentDispatch()]:
            self.create(agent)

    def create(self, wanted: AD.RoomAgentDispatch | AD.CreateAgentDispatchRequest) -> AD.AgentDispatch:
        """Create a dispatch. Returns at once; the record is updated as workers take the job."""
        record = AD.AgentDispatch(
            id=sid("AD"),
            room=self._room.name,
            agent_name=wanted.agent_name,
            metadata=wanted.metadata,
            restart_policy=wanted.restart_policy,
            deployment=wanted.deployment,
            attributes=wanted.attributes,
            state=AD.AgentDispatchState(created_at=time.time_ns()),
        )
        dispatch = self._dispatches[record.id] = Dispatch(record, self._room, self._agency)
        dispatch.fill()
        return record

    def records(self, dispatch_id: str = "") -> list[AD.AgentDispatch]:
        """Return all records, or the one with that id."""
        return [d.record for d in self._dispatches.values() if dispatch_id in ("", d.record.id)]

    def delete(self, dispatch_id: str) -> AD.AgentDispatch | None:
        """End a dispatch and its jobs. Return its record, or None if there is none with that id."""
        dispatch = self._dispatches.pop(dispatch_id, None)
        if dispatch is None:
            return None
        dispatch.record.state.deleted_at = time.time_ns()
        dispatch.close(A.JobStateReason.JSR_DISPATCH_DELETED)
        return dispatch.record

    def fill(self) -> None:
        """Fill open dispatches. Call when a participant joins or publishes, or a worker registers."""
        for dispatch in list(self._dispatches.values()):
            dispatch.fill()

    def participant_left(self, participant: "Participant") -> None:
        self._agency.departed(participant)
        for dispatch in self._dispatches.values():
            dispatch.participant_left(participant)

    def close(self) -> None:
        """End all jobs with the room."""
        for dispatch in self._dispatches.values():
            dispatch.close(A.JobStateReason.JSR_ROOM_CLOSED)


class Dispatch:
    """One agent dispatch. `record` is what server SDKs get."""

    def __init__(self, record: AD.AgentDispatch, room: "Room", agency: Agency) -> None:
        self.record = record
        self._room = room
        self._agency = agency
        self._vacancies: dict[Place, Vacancy] = {}

    def fill(self) -> None:
        """Request an agent for each target that a registered role can serve and that has none yet."""
        for place in self._places():
            if place not in self._vacancies:
                vacancy = self._vacancies[place] = Vacancy(self.record, place, self._agency)
                self._room.own(vacancy.task)

    def participant_left(self, participant: "Participant") -> None:
        for place, vacancy in self._vacancies.items():
            if place.participant is participant:
                vacancy.withdraw()

    def close(self, reason: A.JobStateReason) -> None:
        for vacancy in self._vacancies.values():
            vacancy.close(reason)

    def _places(self) -> Iterator[Place]:
        for role in self._agency.roles(self.record.agent_name, self.record.deployment):
            if role.job_type == A.JobType.JT_ROOM:
                yield Place(role, self._room)
                continue
            for participant in self._room.participants.values():
                served = role.job_type == A.JobType.JT_PARTICIPANT or participant.tracks
                if served and participant.info.kind != M.ParticipantInfo.Kind.AGENT:
                    yield Place(role, self._room, participant)
