"""The timers of a running session, in virtual time. The avatar process and the room server are replaced: both need
real time."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock

import pytest

from simulator.credits import Credits
from simulator.event_log import EventLog
from simulator.history import History
from simulator.media_socket import MediaSockets
from simulator.refusals import Refusal
from simulator.rooms import Rooms
from simulator.running import Limits, RunningSession
from simulator.seed import WAYNE
from simulator.session import EndReason, Session, SessionConfig, State
from simulator.session_faults import SessionFaults
from simulator.store import Store
from simulator.switches import Switches
from simulator.vault import vault_for
from simulator.worker import Report
from simulator.workers import Workers

PRICE = Decimal(2)  # credits per minute
LIMITS = Limits(duration=3600, idle=300, start=20, grace=3, billing_minute=60)


class ScriptedProcess:
    """An avatar process that joins at once, unless `joins` is False, and takes `leaves_after` seconds to stop."""

    has_exited = False

    def __init__(self, *, joins: bool = True, leaves_after: float = 0) -> None:
        self._joins = joins
        self._leaves_after = leaves_after
        self._reports: asyncio.Queue[Report | None] = asyncio.Queue()

    async def send(self, command: dict[str, Any]) -> None:
        if command["do"] == "start" and self._joins:
            self._reports.put_nowait(Report("ready"))

    def report_activity(self) -> None:
        self._reports.put_nowait(Report("activity"))

    async def report(self) -> Report | None:
        return await self._reports.get()

    async def stop(self, reason: str, grace: float) -> bool:
        await asyncio.sleep(min(self._leaves_after, grace))
        return True

    async def kill(self) -> None:
        self._reports.put_nowait(None)


class Rig:
    """A running session with real credits, history and faults."""

    def __init__(self, store: Store, process: ScriptedProcess) -> None:
        log = EventLog()
        rooms = AsyncMock(spec=Rooms)
        self._process = process
        self.credits = Credits(store, Decimal(1000))
        self.credits.charge(PRICE)  # the caller of RunningSession charges the first minute
        self.switches = Switches(log)
        self.session = Session(SessionConfig("FULL", WAYNE))
        self.running = RunningSession(
            self.session,
            {"do": "start"},
            rooms=rooms,
            sockets=MediaSockets("ws://127.0.0.1"),
            workers=cast(Workers, SimpleNamespace(take=AsyncMock(return_value=process), refill=lambda: None)),
            credits=self.credits,
            log=log,
            history=History(store, vault_for("", None)),
            faults=SessionFaults(self.switches, rooms, None),
            price=PRICE,
            limits=LIMITS,
        )

    def report_activity(self) -> None:
        """Speech of the user, reported by the avatar process."""
        self._process.report_activity()

    def keep_alive(self) -> None:
        """What a keep-alive request does."""
        self.running.stir()

    async def lasted(self) -> float:
        """Wait for the end of the session. Return its virtual seconds since the call."""
        began = asyncio.get_running_loop().time()
        await self.running.ended()
        return asyncio.get_running_loop().time() - began


@contextmanager
def starting(**process: Any) -> Iterator[Rig]:
    """A session that is starting; `process` configures its `ScriptedProcess`."""
    with closing(Store()) as store:
        yield Rig(store, ScriptedProcess(**process))


@pytest.mark.virtual_time
async def test_a_session_without_activity_ends_after_the_idle_time() -> None:
    with starting() as rig:
        await rig.running.started()

        assert await rig.lasted() == pytest.approx(300)
        assert rig.session.end_reason == "IDLE_TIMEOUT"


@pytest.mark.parametrize("sign", [Rig.report_activity, Rig.keep_alive])
@pytest.mark.virtual_time
async def test_activity_and_keep_alive_restart_the_idle_time(sign: Callable[[Rig], None]) -> None:
    with starting() as rig:
        await rig.running.started()
        for _ in range(5):
            await asyncio.sleep(200)
            sign(rig)

        assert await rig.lasted() == pytest.approx(300)
        assert rig.session.end_reason == "IDLE_TIMEOUT"


@pytest.mark.virtual_time
async def test_keep_alive_does_not_extend_the_longest_duration() -> None:
    with starting() as rig:
        await rig.running.started()
        ending = asyncio.create_task(rig.lasted())
        while not ending.done():
            rig.keep_alive()
            await asyncio.wait({ending}, timeout=200)

        assert ending.result() == pytest.approx(3600)
        assert rig.session.end_reason == "MAX_DURATION_REACHED"


@pytest.mark.virtual_time
async def test_each_minute_is_charged_when_it_begins_until_the_credits_run_out() -> None:
    with starting() as rig:
        rig.credits.refill(Decimal(3))  # after the first minute was charged
        await rig.running.started()

        assert await rig.lasted() == pytest.approx(120)
        assert rig.session.end_reason == "NO_CREDITS"
        assert rig.session.credits_consumed == 4
        assert rig.credits.left == 1


@pytest.mark.virtual_time
async def test_no_minute_is_charged_while_the_avatar_leaves() -> None:
    with starting(leaves_after=2) as rig:
        await rig.running.started()
        await asyncio.sleep(59)
        rig.running.end(EndReason.USER_CLOSED)

        assert await rig.lasted() == pytest.approx(2)
        assert rig.session.credits_consumed == 2
        assert rig.credits.left == 998


@pytest.mark.virtual_time
async def test_a_start_without_the_avatar_fails_in_time_and_is_refunded() -> None:
    with starting(joins=False) as rig:
        began = asyncio.get_running_loop().time()
        with pytest.raises(Refusal, match="not in the room within 20 s"):
            await rig.running.started()

        assert asyncio.get_running_loop().time() - began == pytest.approx(20)
        assert rig.session.state is State.CREATED
        assert rig.credits.left == 1000


@pytest.mark.virtual_time
async def test_a_fault_with_a_delay_does_not_happen_after_it_is_switched_off() -> None:
    with starting() as rig:
        await rig.running.started()
        fault = rig.switches.on("max_duration", {"after": 10}, rig.session.id)
        rig.switches.off(fault.id)
        rig.switches.on("no_credits", {"after": 20}, rig.session.id)

        assert await rig.lasted() == pytest.approx(20)
        assert rig.session.end_reason == "NO_CREDITS"
