"""The pool of avatar processes, with scripted processes."""

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

from rigs.rooms.room_rig import until
from rigs.services.simulated_service import SCRIPTED_WORKER
from simulator.session import EndReason, Line
from simulator.worker import NotAReport, Report, Worker, WorkerFailed, parse_report
from simulator.workers import Workers


@asynccontextmanager
async def worker_pool(*command: str, **settings: Any) -> AsyncIterator[Workers]:
    workers = Workers(command or SCRIPTED_WORKER, **settings)
    workers.start()
    try:
        async with asyncio.timeout(20):
            yield workers
    finally:
        await workers.close()


async def taken_after_pause(workers: Workers) -> Worker:
    """Take a worker, again and again while the pool pauses after a failure."""
    while True:
        try:
            return await workers.take()
        except WorkerFailed:
            await asyncio.sleep(0.02)


@pytest.fixture
def children() -> Callable[[], list[psutil.Process]]:
    """A function that returns the child processes of this test, without those of other tests."""
    others = {child.pid for child in psutil.Process().children()}
    return lambda: [child for child in psutil.Process().children() if child.pid not in others]


async def test_closing_the_pool_leaves_taken_workers_to_their_caller(
    children: Callable[[], list[psutil.Process]],
) -> None:
    async with worker_pool() as workers:
        worker = await workers.take()
        await workers.close()

        still_there = psutil.pid_exists(worker.pid)
        await worker.kill()

    assert still_there
    assert children() == []


async def test_each_waiting_caller_gets_a_different_worker() -> None:
    async with worker_pool() as workers:
        taken = await asyncio.gather(*(workers.take() for _ in range(3)))

        assert len({worker.pid for worker in taken}) == 3
        for worker in taken:
            await worker.kill()


async def test_the_next_standby_process_starts_on_refill(
    children: Callable[[], list[psutil.Process]],
) -> None:
    async with worker_pool() as workers:
        worker = await workers.take()
        before = len(children())
        workers.refill()
        second = await workers.take()

        assert before == 1
        assert second.pid != worker.pid
        await worker.kill()
        await second.kill()


async def test_a_caller_that_stops_waiting_loses_no_worker(
    children: Callable[[], list[psutil.Process]],
) -> None:
    async with worker_pool() as workers:
        waiting = asyncio.create_task(workers.take())
        await asyncio.sleep(0)
        waiting.cancel()

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
async def test_while_workers_fail_to_start_a_caller_gets_the_reason_at_once(
    manner: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with worker_pool(*SCRIPTED_WORKER, manner, warm_timeout=0.5, first_pause=10.0) as workers:
        await until(lambda: "next attempt" in caplog.text)

        with pytest.raises(WorkerFailed, match=why):
            await workers.take()


async def test_a_command_that_cannot_start_is_named() -> None:
    async with worker_pool("/nowhere/avatar", first_pause=5.0) as workers:
        with pytest.raises(WorkerFailed, match="cannot start the avatar worker"):
            await workers.take()


async def test_the_pool_starts_another_worker_after_a_pause(tmp_path: Path) -> None:
    failing_once = (
        "import sys, pathlib; mark = pathlib.Path(sys.argv[1]);\n"
        "if not mark.exists(): mark.touch(); sys.exit('first time')\n"
        'print(\'{"is": "warm"}\', flush=True); sys.stdin.read()'
    )
    async with worker_pool(
        sys.executable, "-c", failing_once, f"{tmp_path}/mark", first_pause=0.2
    ) as workers:
        with pytest.raises(WorkerFailed, match="first time"):
            await workers.take()

        worker = await taken_after_pause(workers)

        await worker.kill()


async def test_a_standby_process_that_dies_is_replaced(
    children: Callable[[], list[psutil.Process]], caplog: pytest.LogCaptureFixture
) -> None:
    async with worker_pool(first_pause=0.05) as workers:
        first = await workers.take()
        await first.kill()
        workers.refill()
        await until(lambda: bool(children()))
        [standby] = children()
        standby.kill()
        await until(lambda: "next attempt" in caplog.text)

        worker = await taken_after_pause(workers)

        assert worker.pid not in {first.pid, standby.pid}
        await worker.kill()


async def test_a_very_long_line_on_stderr_does_not_stop_a_worker() -> None:
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
def test_valid_reports_are_parsed(line: bytes, report: Report) -> None:
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
def test_any_other_line_on_stdout_is_refused(line: bytes) -> None:
    with pytest.raises(NotAReport):
        parse_report(line)
