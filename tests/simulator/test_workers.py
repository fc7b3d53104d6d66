"""The supply of avatar processes, with a scripted one at the process boundary."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from rigs.services.simulated_service import SCRIPTED_WORKER
from simulator.session import EndReason, Line
from simulator.worker import NotAReport, Report, Worker, WorkerFailed, parse_report
from simulator.workers import Workers


@asynccontextmanager
async def supply(*command: str, **settings: Any) -> AsyncIterator[Workers]:
    workers = Workers(command or SCRIPTED_WORKER, **settings)
    workers.start()
    try:
        async with asyncio.timeout(20):
            yield workers
    finally:
        await workers.close()


@pytest.fixture
def children() -> Callable[[], list[psutil.Process]]:
    """Asks for the processes this test started: other tests of the run have children of their own."""
    others = {child.pid for child in psutil.Process().children()}
    return lambda: [child for child in psutil.Process().children() if child.pid not in others]


async def test_a_taken_worker_is_warm_and_its_takers_to_end(
    children: Callable[[], list[psutil.Process]],
) -> None:
    async with supply() as workers:
        worker = await workers.take()
        await workers.close()

        still_there = psutil.pid_exists(worker.pid)
        await worker.kill()

    assert still_there
    assert children() == []


async def test_everybody_waiting_gets_a_worker_of_their_own() -> None:
    async with supply() as workers:
        taken = await asyncio.gather(*(workers.take() for _ in range(3)))

        assert len({worker.pid for worker in taken}) == 3
        for worker in taken:
            await worker.kill()


async def test_the_next_spare_is_warmed_only_when_asked_for(
    children: Callable[[], list[psutil.Process]],
) -> None:
    async with supply() as workers:
        worker = await workers.take()
        before = len(children())
        workers.refill()
        second = await workers.take()

        assert before == 1
        assert second.pid != worker.pid
        await worker.kill()
        await second.kill()


async def test_giving_up_waiting_for_a_worker_loses_none(
    children: Callable[[], list[psutil.Process]],
) -> None:
    async with supply() as workers:
        impatient = asyncio.create_task(workers.take())
        await asyncio.sleep(0)
        impatient.cancel()

        worker = await workers.take()

        assert len(children()) == 1
        await worker.kill()


@pytest.mark.parametrize(
    ("manner", "why"),
    [
        ("stillborn", r"exit code 1\): cannot find my face"),
        ("short_lived", "exit code 4"),
        ("sluggish", "not ready within 0.5 s"),
    ],
)
async def test_workers_that_do_not_come_up_are_named_to_whoever_wants_one(
    manner: str, why: str, children: Callable[[], list[psutil.Process]]
) -> None:
    async with supply(*SCRIPTED_WORKER, manner, warm_timeout=0.5, first_pause=10.0) as workers:
        while not children():
            await asyncio.sleep(0.01)
        while children():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)

        with pytest.raises(WorkerFailed, match=why):
            await workers.take()


async def test_a_command_that_cannot_be_run_is_named() -> None:
    async with supply("/nowhere/avatar", first_pause=5.0) as workers:
        with pytest.raises(WorkerFailed, match="cannot be run"):
            await workers.take()


async def test_after_a_pause_a_worker_is_tried_again(tmp_path: Path) -> None:
    failing_once = (
        "import sys, pathlib; mark = pathlib.Path(sys.argv[1]);\n"
        "if not mark.exists(): mark.touch(); sys.exit('first time')\n"
        'print(\'{"is": "warm"}\', flush=True); sys.stdin.read()'
    )
    async with supply(sys.executable, "-c", failing_once, f"{tmp_path}/mark", first_pause=0.2) as workers:
        with pytest.raises(WorkerFailed, match="first time"):
            await workers.take()
        worker = None
        while worker is None:
            try:
                worker = await workers.take()
            except WorkerFailed:
                await asyncio.sleep(0.05)

        await worker.kill()


async def test_a_spare_that_dies_is_replaced(children: Callable[[], list[psutil.Process]]) -> None:
    async with supply(first_pause=0.05) as workers:
        first = await workers.take()
        await first.kill()
        workers.refill()
        while not (spares := children()):
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)
        spares[0].kill()
        await asyncio.sleep(0.1)

        worker = await workers.take()

        assert worker.pid not in {first.pid, spares[0].pid}
        await worker.kill()


async def test_a_line_of_any_length_on_stderr_does_not_stop_a_worker() -> None:
    noisy = (
        "import sys; sys.stderr.write('x' * 600_000 + '\\nlast words\\n'); sys.stderr.flush();\n"
        'print(\'{"is": "warm"}\', flush=True); sys.exit(3)'
    )
    worker = await Worker.spawn((sys.executable, "-c", noisy))

    await worker.warm()

    assert await worker.report() is None
    assert await worker.obituary() == "the avatar worker ended (exit code 3): last words"
    assert await worker.stop(EndReason.USER_CLOSED, 1) is False


@pytest.mark.parametrize(
    ("line", "report"),
    [
        (b'{"is": "ready"}', Report("ready")),
        (b'{"is": "failed", "why": "no room"}', Report("failed")),
        (
            b'{"is": "transcript", "role": "user", "text": "Hi", "at": 5}',
            Report("transcript", Line("user", "Hi", 5)),
        ),
        (b'{"is": "event", "direction": "in", "name": "avatar.interrupt", "message": {}}', Report("event")),
    ],
)
def test_reports_are_understood(line: bytes, report: Report) -> None:
    assert parse_report(line) == replace(report, members=json.loads(line))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"ready",
        b"[]",
        b"7",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"is": "transcript"}',
        b'{"is": "event", "direction": "up", "name": "avatar.interrupt", "message": {}}',
        b'{"is": "event", "direction": "in"}',
        b'{"is": "transcript", "role": "robot", "text": "Hi", "at": 5}',
        b'{"is": "transcript", "role": "user", "text": "Hi", "at": "now"}',
        b'{"is": "transcript", "role": "user", "text": "Hi", "at": null}',
    ],
)
def test_anything_else_on_stdout_is_no_report(line: bytes) -> None:
    with pytest.raises(NotAReport):
        parse_report(line)
