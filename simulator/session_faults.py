"""Apply the active faults to running sessions: to the worker, the room, the media websocket and the timers."""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simulator.rooms import AVATAR_IDENTITY, Rooms, RoomsUnavailable, agent_identity
from simulator.session import EndReason
from simulator.switches import Switch, Switches
from simulator.worker import WorkerFailed

if TYPE_CHECKING:
    from simulator.running import RunningSession

logger = logging.getLogger(__name__)

# Members of `simulator.avatar.faults.Faults`: their values while a fault is on, and after it.
IN_WORKER: dict[str, tuple[Callable[[Switch], dict[str, Any]], dict[str, Any]]] = {
    "silent": (lambda _: {"silent": True}, {"silent": False}),
    "frozen": (lambda _: {"frozen": True}, {"frozen": False}),
    "events": (lambda switch: {"events": switch.values["how"]}, {"events": "healthy"}),
    "old_vocabulary": (lambda _: {"vocabulary": "old"}, {"vocabulary": "new"}),
    "thinking": (lambda switch: {"thinking": switch.values["seconds"]}, {"thinking": 0.0}),
    "no_farewell": (lambda _: {"farewell": False}, {"farewell": True}),
    "late_connected": (
        lambda switch: {"connected_after": switch.values["seconds"]},
        {"connected_after": 0.0},
    ),
    "no_connected": (lambda _: {"connected_after": None}, {"connected_after": 0.0}),
}


class SessionFaults:
    """Applies the active faults to each running session. Owns the tasks that it starts for them."""

    def __init__(
        self, switches: Switches, rooms: Rooms, lose: Callable[[str, float, float], None] | None
    ) -> None:
        """`lose(room, down, up)` sets the packet loss of an embedded room, as shares from 0 to 1.

        None without the embedded room server; `switches` then refuses the faults that need it.
        """
        self._switches = switches
        self._rooms = rooms
        self._lose = lose
        self._running: dict[str, RunningSession] = {}
        self._active: set[str] = set()
        self._tasks: dict[asyncio.Task[None], str] = {}
        switches.when_changed(self._changed)

    def begin(self, running: "RunningSession") -> None:
        """Apply faults to this session from now on. Its worker has received the start command."""
        self._running[running.session.id] = running
        self._switches.for_start(running.session.id)

    def activate(self, running: "RunningSession") -> None:
        """Start the faults that count their delay from the start of the session: the avatar is in the room."""
        self._active.add(running.session.id)
        for switch in self._switches:
            if switch.session_id == running.session.id and _waits_for_start(switch):
                self._start(running.session.id, self._strike(running, switch))

    async def release(self, session_id: str) -> None:
        """Switch off the session's faults and cancel their tasks: the session is ending."""
        self._running.pop(session_id, None)
        self._active.discard(session_id)
        self._switches.forget(session_id)
        tasks = [task for task, owner in self._tasks.items() if owner == session_id]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _changed(self, switch: Switch, on: bool) -> None:
        running = self._running.get(switch.session_id or "")
        if running is None:
            return
        if not on and switch.fault.passing:
            return
        if not on:
            self._start(running.session.id, self._heal(running, switch))
        elif running.session.id in self._active or not _waits_for_start(switch):
            self._start(running.session.id, self._strike(running, switch))

    def _start(self, session_id: str, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks[task] = session_id
        task.add_done_callback(self._tasks.pop)

    async def _strike(self, running: "RunningSession", switch: Switch) -> None:
        await asyncio.sleep(float(switch.values.get("after", 0)))
        if switch not in self._switches:
            return
        try:
            await self._happen(running, switch)
        except (WorkerFailed, RoomsUnavailable) as error:
            logger.warning(
                "session %s: fault %s could not be applied: %s", running.session.id, switch.fault.name, error
            )
        if switch.fault.passing and switch in self._switches:
            self._switches.off(switch.id)

    async def _happen(self, running: "RunningSession", switch: Switch) -> None:
        session_id = running.session.id
        match switch.fault.name:
            case "loss":
                assert self._lose is not None
                self._lose(session_id, float(switch.values["down"]) / 100, float(switch.values["up"]) / 100)
            case "hang_worker":
                running.suspend()
            case "worker_crash":
                running.crash()
            case "socket_dropped":
                running.drop_socket(int(str(switch.values["code"])))
            case "avatar_leaves":
                await self._put_out(running, AVATAR_IDENTITY)
            case "agent_leaves":
                await self._put_out(running, agent_identity(session_id))
            case "room_closed":
                await self._rooms.delete(session_id)
            case "no_credits":
                running.end(EndReason.NO_CREDITS)
            case "max_duration":
                running.limit(0)
            case name:
                await running.order("faults", faults=IN_WORKER[name][0](switch))

    async def _put_out(self, running: "RunningSession", identity: str) -> None:
        await running.order("faults", faults={"stays_without_room": True})
        await self._rooms.remove(running.session.id, identity)

    async def _heal(self, running: "RunningSession", switch: Switch) -> None:
        match switch.fault.name:
            case "loss":
                assert self._lose is not None
                self._lose(running.session.id, 0, 0)
            case "hang_worker":
                running.resume()
            case name if name in IN_WORKER:
                try:
                    await running.order("faults", faults=IN_WORKER[name][1])
                except WorkerFailed as error:
                    logger.warning(
                        "session %s: fault %s could not be undone: %s", running.session.id, name, error
                    )


def _waits_for_start(switch: Switch) -> bool:
    return "after" in switch.values
