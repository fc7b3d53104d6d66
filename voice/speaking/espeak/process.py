"""One running child process, at the parent's end of the pipe to `voice.speaking.espeak.child`."""

import asyncio
import contextlib
import itertools
import json
import logging
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any, Self

logger = logging.getLogger(__name__)

PROJECT = Path(__file__).resolve().parents[3]
LONGEST_LINE = 1 << 20  # bytes of JSON in one answer
EXIT_TIMEOUT = 0.5  # seconds for the child to end by itself after its input is closed


class ChildEnded(Exception):
    """The pipe closed: the child crashed, was killed or could not start."""


class ChildRefused(Exception):
    """The child answered with an error."""


class EspeakProcess:
    """Requests may overlap: the child answers in order. The answer to a cancelled request is dropped."""

    def __init__(self, process: Process, greeting: dict[str, Any]) -> None:
        self.greeting = greeting
        self._process = process
        self._numbers = itertools.count(1)
        self._pending: dict[int, asyncio.Future[tuple[dict[str, Any], bytes]]] = {}
        self._reading = asyncio.create_task(self._read_answers(), name="espeak answers")

    @classmethod
    async def start(cls) -> Self:
        """Start a child and wait for its greeting. Raises `ChildEnded`."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "voice.speaking.espeak.child",
            stdin=PIPE,
            stdout=PIPE,
            limit=LONGEST_LINE,
            cwd=PROJECT,
        )
        assert process.stdout is not None
        try:
            line = await process.stdout.readline()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        if not line:
            raise ChildEnded(f"exit code {await process.wait()} before its greeting")
        return cls(process, json.loads(line))

    @property
    def is_alive(self) -> bool:
        return not self._reading.done()

    async def request(self, **fields: Any) -> tuple[dict[str, Any], bytes]:
        """Send one request. Returns the answer and its payload. Raises `ChildEnded` or `ChildRefused`."""
        assert self._process.stdin is not None
        number = next(self._numbers)
        answer = asyncio.get_running_loop().create_future()
        self._pending[number] = answer
        try:
            self._process.stdin.write(json.dumps({"id": number, **fields}).encode() + b"\n")
            await self._process.stdin.drain()
            message, payload = await answer
        except (BrokenPipeError, ConnectionResetError) as error:
            raise ChildEnded(str(error)) from error
        finally:
            self._pending.pop(number, None)
        if "error" in message:
            raise ChildRefused(message["error"])
        return message, payload

    async def close(self) -> None:
        """Close the child's input and wait until it ended. Safe to call twice."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), EXIT_TIMEOUT)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):  # it ended by itself just now
                self._process.kill()
            await self._process.wait()
        await self._reading

    async def _read_answers(self) -> None:
        assert self._process.stdout is not None
        try:
            while line := await self._process.stdout.readline():
                message = json.loads(line)
                payload = await self._process.stdout.readexactly(message.get("pcm_bytes", 0))
                answer = self._pending.get(message["id"])
                if answer is not None and not answer.done():
                    answer.set_result((message, payload))
        except asyncio.IncompleteReadError:
            logger.debug("the speech process ended in the middle of an answer")
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(ChildEnded("the speech process ended"))
