"""Which faults are switched on, for whom, and how often still."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count

from simulator.event_log import EventLog
from simulator.fault_catalogue import fault_named
from simulator.faults import BadFault, Fault, Values

MOST_TIMES = 1_000_000


@dataclass(slots=True, eq=False)
class Switch:
    """One fault that is on: for one session, or for the `left` requests or starts to come (None: for all)."""

    id: int
    fault: Fault
    values: Values
    session_id: str | None = None
    left: int | None = None


class Switches:
    """Everything that is on, oldest first."""

    def __init__(self, log: EventLog, *, embedded_rooms: bool = True) -> None:
        self._log = log
        self._embedded_rooms = embedded_rooms
        self._numbers = count(1)
        self._on: dict[int, Switch] = {}
        self._listeners: list[Callable[[Switch, bool], None]] = []

    def __iter__(self) -> Iterator[Switch]:
        return iter(list(self._on.values()))

    def when_changed(self, tell: Callable[[Switch, bool], None]) -> None:
        """Have `tell` called with every switch that goes on (True) or off (False)."""
        self._listeners.append(tell)

    def possible(self, fault: Fault) -> bool:
        """Whether this simulator can have it."""
        return self._embedded_rooms or not fault.needs_embedded_rooms

    def on(
        self,
        name: object,
        values: Mapping[str, object],
        session_id: str | None = None,
        times: object = None,
    ) -> Switch:
        """Switch a fault on, from untrusted words. Raises BadFault."""
        fault = fault_named(name)
        if not self.possible(fault):
            raise BadFault(
                f"{fault.name} is an act of the embedded room server, and rooms are on another one"
            )
        if session_id is not None and fault.of != "session":
            raise BadFault(f"{fault.name} befalls requests, not a session: leave session_id out")
        if session_id is not None and times is not None:
            raise BadFault("times counts the starts to come: leave it out for one session")
        return self._add(fault, fault.read(values), session_id, _times(times))

    def off(self, number: int) -> Switch:
        """Raises KeyError when it is not on."""
        switch = self._on.pop(number)
        self._tell(switch, on=False)
        return switch

    def all_off(self) -> None:
        for switch in self:
            self.off(switch.id)

    def for_request(self, endpoint: str) -> list[Switch]:
        """What befalls a call of `endpoint` ("token", "start", ...) that is being answered now."""
        return [
            self._used(switch)
            for switch in self
            if switch.fault.of == "request" and switch.values["endpoint"] in ("any", endpoint)
        ]

    def for_start(self, session_id: str) -> list[Switch]:
        """What befalls a session that is starting now: switches of its own, on from now on."""
        return [
            self._add(switch.fault, self._used(switch).values, session_id, None)
            for switch in self
            if switch.fault.of == "session" and switch.session_id is None
        ]

    def forget(self, session_id: str) -> None:
        """The session is over, and its faults with it."""
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
        raise BadFault("times must be a whole number from 1 on, or left out for every one to come")
    return number
