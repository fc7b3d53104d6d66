"""One avatar process: started, commanded and ended from here, in JSON lines over its standard streams."""

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
LINE_LIMIT = 256 * 1024
LOGGED_CHARACTERS = 2000


class WorkerFailed(Exception):
    """A worker that could not be started, or ended when it should not have; the text says why."""


class NotAReport(ValueError):
    """A line on a worker's stdout that says nothing in the protocol."""


@dataclass(frozen=True, slots=True)
class Report:
    """One line from a worker. `kind` is its "is"; `line` is there for a transcript; `members` is all of it."""

    kind: str
    line: Line | None = None
    members: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def why(self) -> str:
        """The reason a worker gives for a failure."""
        return str(self.members.get("why", ""))


def parse_report(text: bytes) -> Report:
    """Raises NotAReport."""
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
            raise NotAReport("an event without direction, name or message")
        return Report(str(kind), line, message)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NotAReport(f"not a report: {error!r}") from error


class Worker:
    """A running avatar process. Whoever holds it must await `stop` or `kill` in the end."""

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
                # Ctrl-C in a terminal goes to its whole process group: workers are to be ended in order, by us.
                start_new_session=True,
            )
        except OSError as error:
            raise WorkerFailed(f"the avatar worker cannot be run: {error}") from error
        return cls(process)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_exited(self) -> bool:
        return self._process.returncode is not None

    async def warm(self) -> None:
        """Wait until it has imported everything. Raises WorkerFailed when it ends instead."""
        report = await self.report()
        if report is None:
            raise WorkerFailed(await self.obituary())
        if report.kind != "warm":
            raise WorkerFailed(f"the avatar worker said {report.kind!r} before it was warm")

    async def send(self, command: Mapping[str, Any]) -> None:
        """Raises WorkerFailed when it does not read any more."""
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(json.dumps(command).encode() + b"\n")
            await stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise WorkerFailed("the avatar worker has gone") from error

    async def report(self) -> Report | None:
        """The next report, None when the process says no more. Lines that are no reports are logged and skipped."""
        stdout = self._process.stdout
        assert stdout is not None
        while True:
            try:
                line = await stdout.readline()
                if not line:
                    return None
                return parse_report(line)
            except ValueError as error:
                logger.warning("avatar worker %d: skipped a line on its stdout: %s", self.pid, error)

    async def exited(self) -> int:
        """Wait for its end; the exit code, negative for a signal."""
        return await self._process.wait()

    async def obituary(self) -> str:
        """Wait for its end and tell of it in a sentence, with the last line it logged."""
        code = await self.exited()
        await asyncio.wait({self._logging}, timeout=1)
        cause = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return f"the avatar worker ended ({cause}){''.join(': ' + words for words in self._last_words)}"

    async def stop(self, reason: EndReason, grace: float) -> bool:
        """Have it announce the end, leave the room and exit; after `grace` seconds kill it.

        True when it went in order: then the end has been announced.
        """
        code = None
        try:
            async with asyncio.timeout(grace):
                await self.send({"do": "stop", "reason": reason})
                code = await self.exited()
        except WorkerFailed:
            pass
        except TimeoutError:
            logger.warning("avatar worker %d did not leave within %g s and is killed", self.pid, grace)
        finally:
            await self.kill()
        return code == 0

    async def kill(self) -> None:
        """End it and what it started, now; nothing is left of an ended process either."""
        if not self.has_exited:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self.exited()
        # The last lines it wrote are still in the pipe. A grandchild that lives on may hold it open.
        await asyncio.wait({self._logging}, timeout=1)
        self._logging.cancel()

    async def _log_stderr(self) -> None:
        stderr = self._process.stderr
        assert stderr is not None
        while True:
            try:
                line = await stderr.readline()
            except ValueError:
                logger.warning("avatar worker %d: a line on stderr was too long to show", self.pid)
                continue
            if not line:
                return
            text = line.decode("utf-8", "replace").rstrip()[:LOGGED_CHARACTERS]
            self._last_words.append(text)
            logger.info("avatar worker %d: %s", self.pid, text)


def _role(value: object) -> Any:
    if value not in ("user", "avatar"):
        raise ValueError(f"{value!r} is no role")
    return value
