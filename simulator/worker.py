"""The parent's side of one avatar process. Commands and reports are JSON lines on its stdin and stdout."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from simulator.session import EndReason, Line

logger = logging.getLogger(__name__)

AVATAR_COMMAND = (sys.executable, "-m", "simulator.avatar")
PROJECT = Path(__file__).resolve().parent.parent
LINE_LIMIT = 256 * 1024  # bytes
LOGGED_CHARACTERS = 2000


class WorkerFailed(Exception):
    """A worker could not be started or ended unexpectedly. The text says why."""


class NotAReport(ValueError):
    """A line on a worker's stdout is not a valid report."""


@dataclass(frozen=True, slots=True)
class Report:
    """One report of a worker. `kind` is its "is", `line` the line of a "transcript", `members` the whole object."""

    kind: str
    line: Line | None = None
    members: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def why(self) -> str:
        """The reason of a failure, as the worker reported it."""
        return str(self.members.get("why", ""))


def parse_report(text: bytes) -> Report:
    """Parse one line of a worker's stdout. Raises NotAReport."""
    try:
        message = json.loads(text)
        kind = message["is"]
        line = (
            Line(_role(message["role"]), str(message["text"]), int(message["at"]))
            if kind == "transcript"
            else None
        )
        if kind == "event" and not (
            message["direction"] in ("in", "out") and message["name"] and "message" in message
        ):
            raise NotAReport("an event needs direction, name and message")
        return Report(str(kind), line, message)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NotAReport(f"not a report: {error!r}") from error


class Worker:
    """A running avatar process. Its owner must await `stop` or `kill` in the end."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._last_words: deque[str] = deque(maxlen=1)
        self._logging = asyncio.create_task(self._log_stderr())

    @classmethod
    async def spawn(cls, command: Sequence[str]) -> Self:
        """Start a process. Raises WorkerFailed."""
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=PROJECT,
                limit=LINE_LIMIT,
                # Ctrl-C in a terminal signals its whole process group, but the simulator must end its workers itself.
                start_new_session=True,
            )
        except OSError as error:
            raise WorkerFailed(f"cannot start the avatar worker: {error}") from error
        return cls(process)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_exited(self) -> bool:
        return self._process.returncode is not None

    async def warm(self) -> None:
        """Wait until it has imported everything and reports "warm". Raises WorkerFailed if it does not."""
        report = await self.report()
        if report is None:
            raise WorkerFailed(await self.obituary())
        if report.kind != "warm":
            raise WorkerFailed(f"the avatar worker reported {report.kind!r} before it was warm")

    async def send(self, command: Mapping[str, Any]) -> None:
        """Write a command to its stdin. Raises WorkerFailed when its stdin is closed."""
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(json.dumps(command).encode() + b"\n")
            await stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise WorkerFailed("the avatar worker is gone") from error

    async def report(self) -> Report | None:
        """Return the next report, None at the end of its stdout. Log and skip invalid lines."""
        stdout = self._process.stdout
        assert stdout is not None
        while True:
            try:
                line = await stdout.readline()
                if not line:
                    return None
                return parse_report(line)
            except ValueError as error:
                logger.warning("avatar worker %d: skipped an invalid line on stdout: %s", self.pid, error)

    async def exited(self) -> int:
        """Wait for its exit. Return the exit code; negative: the signal that ended it."""
        return await self._process.wait()

    async def obituary(self) -> str:
        """Wait for its exit and describe it in a sentence, with the last line of its stderr."""
        code = await self.exited()
        await asyncio.wait({self._logging}, timeout=1)
        cause = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return f"the avatar worker ended ({cause}){''.join(': ' + words for words in self._last_words)}"

    async def stop(self, reason: EndReason, grace: float) -> bool:
        """Tell it to announce the end, leave the room and exit; kill it after `grace` seconds.

        Return True when it exited in time with code 0; then it has announced the end.
        """
        code = None
        try:
            async with asyncio.timeout(grace):
                await self.send({"do": "stop", "reason": reason})
                code = await self.exited()
        except WorkerFailed:
            pass
        except TimeoutError:
            logger.warning("avatar worker %d did not exit within %g s: killing it", self.pid, grace)
        finally:
            await self.kill()
        return code == 0

    async def kill(self) -> None:
        """Kill the process group and release its pipes. Also call this for a process that has exited."""
        if not self.has_exited:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self.exited()
        # Its last lines are still in the pipe. A time limit, because a child that survives may hold the pipe open.
        await asyncio.wait({self._logging}, timeout=1)
        self._logging.cancel()

    async def _log_stderr(self) -> None:
        stderr = self._process.stderr
        assert stderr is not None
        while True:
            try:
                line = await stderr.readline()
            except ValueError:
                logger.warning("avatar worker %d: skipped a line on stderr that was too long", self.pid)
                continue
            if not line:
                return
            text = line.decode("utf-8", "replace").rstrip()[:LOGGED_CHARACTERS]
            self._last_words.append(text)
            logger.info("avatar worker %d: %s", self.pid, text)


def _role(value: object) -> Any:
    if value not in ("user", "avatar"):
        raise ValueError(f"{value!r} is not a role")
    return value
