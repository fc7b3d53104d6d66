"""Conversations with a fault each, one after the other, and what they leave behind."""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import psutil
from livekit import api

from rigs.agent.custom_stage import CustomStage, until
from rigs.rooms.guest import HOSTED, OWN, Guest

GONE_WITHIN = 60.0  # seconds: the page's grace, the lease and the service's reaper, on a busy machine
TALK = 1.0  # seconds between a question and the fault; whether the avatar speaks by then is left to chance

Incident = Callable[[CustomStage, Guest], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Cycle:
    """One kind of conversation. The simulator gets `faults` before the start; the rig causes the `incident`.

    `only`: in rooms of this kind.
    """

    name: str
    faults: tuple[dict[str, Any], ...] = ()
    incident: Incident | None = None  # without one the visitor ends it
    while_starting: bool = False
    ends_by_itself: bool = False
    only: str = ""


async def cancel(stage: CustomStage, guest: Guest) -> None:
    await asyncio.sleep(random.uniform(0, 0.8))
    await guest.stop()


async def delete_room(stage: CustomStage, guest: Guest) -> None:
    """Delete the room, as an operator of our LiveKit may."""
    async with api.LiveKitAPI(stage.livekit.url, stage.livekit.key, stage.livekit.secret) as lk:
        await lk.room.delete_room(api.DeleteRoomRequest(room=guest.room.name))


async def vanish(stage: CustomStage, guest: Guest) -> None:
    await guest.close_page()


async def end_at_service(stage: CustomStage, guest: Guest) -> None:
    """End the session at the service, by the simulator's console."""
    remote = stage.session(guest.key)["remote_id"]
    await stage.service("POST", f"/simulator/sessions/{remote}/end", reason="AVATAR_DELETED")


def kill(victim: str) -> Incident:
    async def killed(stage: CustomStage, guest: Guest) -> None:
        jobs = stage.jobs()
        if victim == "worker" and jobs:
            worker, _ = jobs[0]
            os.kill(worker.pid, signal.SIGKILL)
            await asyncio.to_thread(worker.process.wait)
            await asyncio.to_thread(stage.hire, **worker.settings)
        for _, job in jobs if victim == "job" else ():
            job.kill()
        await guest.ask("Do you have tea?")
        await asyncio.sleep(TALK)
        await guest.stop()

    return killed


async def freeze(stage: CustomStage, guest: Guest) -> None:
    """Suspend the agent's process, as on a machine that swaps; its worker kills it after a minute."""
    for _, job in stage.jobs():
        job.suspend()
    await until(lambda: stage.lease(guest.key)["attempt"] > 1 and stage.lease(guest.key)["job"], GONE_WITHIN)
    await guest.ask("Do you have tea?")
    await asyncio.sleep(TALK)
    await guest.stop()


def _after_start(name: str, only: str = "") -> Cycle:
    fault = {"fault": name, "times": 1, "after": 1}
    return Cycle(name, (fault,), ends_by_itself=True, only=only)


def _request(fault: str, endpoint: str, **values: Any) -> Cycle:
    name = f"{endpoint} {fault}" + (", though performed" if "performed" in values else "")
    return Cycle(name, ({"fault": fault, "endpoint": endpoint, "times": 1, **values},))


CYCLES = (
    Cycle("all goes well"),
    *(_request(fault, endpoint) for fault in ("status", "reset", "html", "garbage") for endpoint in ("token", "start")),
    _request("slow", "token", seconds=2),
    _request("slow", "start", seconds=2),
    _request("garbage", "start", performed="yes"),
    _request("reset", "start", performed="yes"),
    _request("status", "stop"),
    _request("reset", "stop"),
    Cycle("late connected", ({"fault": "late_connected", "seconds": 2, "times": 1},)),
    Cycle("no connected", ({"fault": "no_connected", "times": 1},)),
    Cycle("socket dropped", ({"fault": "socket_dropped", "after": 1, "times": 1},)),
    Cycle("avatar leaves", ({"fault": "avatar_leaves", "after": 1, "times": 1},)),
    Cycle("no farewell", ({"fault": "no_farewell", "times": 1},)),
    _after_start("room_closed", only=HOSTED),
    Cycle("room deleted", incident=delete_room, ends_by_itself=True, only=OWN),
    _after_start("worker_crash"),
    _after_start("no_credits"),
    _after_start("max_duration"),
    Cycle("cancelled", incident=cancel, while_starting=True),
    Cycle("cancelled while the service is slow", ({"fault": "slow", "endpoint": "start", "seconds": 2, "times": 1},),
          incident=cancel, while_starting=True),
    Cycle("page vanishes", incident=vanish, ends_by_itself=True),
    Cycle("page vanishes at the start", incident=vanish, while_starting=True, ends_by_itself=True),
    Cycle("ended at the service", incident=end_at_service, ends_by_itself=True),
    Cycle("agent killed", incident=kill("job")),
    Cycle("worker killed", incident=kill("worker")),
    Cycle("agent frozen", incident=freeze),
)  # fmt: skip


async def run(stage: CustomStage, cycle: Cycle, answerer: str) -> str:
    """Hold one conversation; return its end reason when its row is closed. Raises TimeoutError when it stays open."""
    for fault in cycle.faults:
        await stage.service("POST", "/simulator/faults", **fault)
    guest = Guest(stage.site.url)
    try:
        await guest.choose(answerer)
        await guest.open_page()
        starting = asyncio.create_task(guest.start())
        if cycle.incident is not None and cycle.while_starting:
            await cycle.incident(stage, guest)
        started = await starting
        if started.status_code == 200 and stage.session(guest.key)["state"] == "live":
            await _talk(stage, cycle, guest, started)
        if not cycle.ends_by_itself and stage.session(guest.key)["state"] == "live":
            await guest.stop()
        await until(lambda: stage.session(guest.key)["state"] in ("ended", "failed"), GONE_WITHIN)
        return str(stage.session(guest.key)["end_reason"])
    finally:
        await guest.close()
        await stage.service("POST", "/simulator/faults/off")


async def _talk(stage: CustomStage, cycle: Cycle, guest: Guest, started: Any) -> None:
    try:
        await guest.join(started)
    except Exception:  # noqa: BLE001 - the room may be gone already; the SDK raises many kinds of errors
        return
    await guest.ask("When do you open?")
    await asyncio.sleep(TALK)
    if cycle.incident is not None and not cycle.while_starting:
        await cycle.incident(stage, guest)


def shuffled(count: int, seed: int) -> list[tuple[Cycle, str]]:
    """Return `count` cycles, every kind about as often, in rooms of both kinds."""
    chance = random.Random(seed)
    cycles = list(CYCLES) * (count // len(CYCLES) + 1)
    chance.shuffle(cycles)
    return [(cycle, cycle.only or chance.choice((OWN, HOSTED))) for cycle in cycles[:count]]


async def nothing_left(stage: CustomStage, within: float = 90.0) -> list[str]:
    """What is still there after `within` seconds: the site looks once a minute for rooms that came back."""

    async def is_clean() -> bool:
        return not await leftovers(stage)

    try:
        await until(is_clean, within)
    except TimeoutError:
        return await leftovers(stage)
    return []


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a process holds: open files, established connections, children, and memory in MB."""

    files: int
    connections: int
    children: int
    memory: float

    @classmethod
    def of(cls, pid: int) -> "Footprint":
        process = psutil.Process(pid)
        family = process.children(recursive=True)
        lines = [line for line in process.net_connections("tcp") if line.status == psutil.CONN_ESTABLISHED]
        return cls(process.num_fds(), len(lines), len(family), process.memory_info().rss / 2**20)


def footprints(stage: CustomStage) -> dict[str, Footprint]:
    pids = {"simulator": stage.simulator.pid, "site": stage.site.process.pid}
    pids |= {f"worker {number}": worker.pid for number, worker in enumerate(stage.workers) if _lives(worker)}
    return {name: Footprint.of(pid) for name, pid in pids.items()}


async def leftovers(stage: CustomStage) -> list[str]:
    """List what should not be there when every conversation is over."""
    found = [f"a session at the service: {each}" for each in await stage.open_at_service()]
    seen = (await stage.service("GET", "/simulator/sessions"))["sessions"]
    found += [f"a running session: {each['id']}" for each in seen if each["remaining"] is not None]
    found += [f"a room: {name} with {inside}" for name, inside in (await stage.rooms()).items()]
    found += [f"a job: {process.pid}" for _, process in stage.jobs()]
    query = "SELECT state, end_reason, released_at, key FROM sessions_app_avatarsession"
    for state, reason, released, key in stage.site.rows(query):
        if state not in ("ended", "failed") or not reason or not released:
            found.append(f"a row: {key} is {state}, ended by {reason or 'nothing'}, released {released}")
    secrets = "SELECT count(*) FROM sessions_app_agentlease WHERE start <> '{}'"
    if kept := stage.site.rows(secrets)[0][0]:
        found.append(f"secrets in {kept} leases")
    return found


def _lives(worker: Any) -> bool:
    return worker.process.poll() is None
