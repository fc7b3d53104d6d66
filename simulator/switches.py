"""The active faults: where each applies, and how often."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count

from simulator.event_log import EventLog
from simulator.fault_catalogue import fault_named
from simulator.faults import BadFault, Fault, Values

MOST_TIMES = 1_000_000


@dataclass(slots=True, eq=False)
class Switch:
    """An active fault. It applies to one session, or to the next `left` requests or session starts (None: to all)."""

    id: int
    fault: Fault
    values: Values
    session_id: str | None = None
    left: int | None = None


class Switches:
    """The active faults, oldest first."""

    def __init__(self, log: EventLog, *, embedded_rooms: bool = True) -> None:
        self._log = log
        self._embedded_rooms = embedded_rooms
        self._numbers = count(1)
        self._on: dict[int, Switch] = {}
        self._listeners: list[Callable[[Switch, bool], None]] = []

    def __iter__(self) -> Iterator[Switch]:
        return iter(list(self._on.values()))

    def when_changed(self, tell: Callable[[Switch, bool], None]) -> None:
        """Call `tell` with every fault that is switched on (True) or off (False)."""
        self._listeners.append(tell)

    def possible(self, fault: Fault) -> bool:
        """Tell whether this simulator supports the fault: some need the embedded room server."""
        return self._embedded_rooms or not fault.needs_embedded_rooms

    def on(
        self,
        name: object,
        values: Mapping[str, object],
        session_id: str | None = None,
        times: object = None,
    ) -> Switch:
        """Switch a fault on. All arguments are untrusted. Raises BadFault."""
        fault = fault_named(name)
        if not self.possible(fault):
            raise BadFault(
                f"{fault.name} needs the embedded room server, but SIMULATOR_LIVEKIT_URL names another"
            )
        if session_id is not None and fault.of != "session":
            raise BadFault(f"{fault.name} applies to requests, not to a session: leave session_id out")
        if session_id is not None and times is not None:
            raise BadFault("times counts future session starts: leave it out when you name a session")
        return self._add(fault, fault.read(values), session_id, _times(times))

    def off(self, number: int) -> Switch:
        """Switch off the fault with that id. Raises KeyError when it is not active."""
        switch = self._on.pop(number)
        self._tell(switch, on=False)
        return switch

    def all_off(self) -> None:
        """Switch off all faults, also those of single sessions."""
        for switch in self:
            self.off(switch.id)

    def for_request(self, endpoint: str) -> list[Switch]:
        """Return the faults for one call of `endpoint` ("token", "start", …). This uses up one of their `times`."""
        return [
            self._used(switch)
            for switch in self
            if switch.fault.of == "request" and switch.values["endpoint"] in ("any", endpoint)
        ]

    def for_start(self, session_id: str) -> list[Switch]:
        """Switch on, for this starting session, all faults that apply to future sessions. Return them.

        This uses up one of their `times`.
        """
        return [
            self._add(switch.fault, self._used(switch).values, session_id, None)
            for switch in self
            if switch.fault.of == "session" and switch.session_id is None
        ]

    def forget(self, session_id: str) -> None:
        """Remove the faults of a session that has ended."""
        for switch in self:
            if switch.session_id == session_id:
                del self._on[switch.id]

    def _add(self, fault: Fault, values: Values, session_id: str | None, left: int | None) -> Switch:
        switch = Switch(next(self._numbers), fault, values, session_id, left)
        self._on[switch.id] = switch
        self._tell(switch, on=True)
        return switch

    def _used(self, switch: Switch) -> Switch:
        if switch.left is not None:
            switch.left -= 1
            if switch.left == 0:
                self.off(switch.id)
        return switch

    def _tell(self, switch: Switch, *, on: bool) -> None:
        told = {"fault": switch.fault.name, "times": switch.left, **switch.values}
        self._log.record(switch.session_id, "note", "console", f"fault {'on' if on else 'off'}", told)
        for tell in self._listeners:
            tell(switch, on)


def _times(times: object) -> int | None:
    if times is None or times == "":
        return None
    try:
        number = int(times) if isinstance(times, int | str) and not isinstance(times, bool) else 0
    except ValueError:
        number = 0
    if not 0 < number <= MOST_TIMES:
        raise BadFault("times must be a whole number from 1, or left out for all future calls or starts")
    return number
