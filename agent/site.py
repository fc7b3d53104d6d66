"""The agent's line to the site: it holds the lease of its conversation, reports events, and takes orders."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from agent.assignment import Assignment
from agent.outbox import Outbox

logger = logging.getLogger(__name__)

HELLO_WITHIN = 5.0  # seconds
PAUSES = (0.2, 0.5, 1, 2, 4)  # seconds before the next attempt to connect; then the last one again and again
FAREWELL = 3.0  # seconds for the last events to be stored
HISTORY_WITHIN = 3.0  # seconds
GOODBYE = 1.0  # seconds for a closing handshake
NOT_OURS = frozenset({4401, 4404, 4409})  # the site's close codes after which no repetition helps

History = tuple[tuple[str, str], ...]  # (role, text), oldest first


@dataclass(frozen=True, slots=True)
class Welcome:
    """What the agent is to be: `history` are the turns so far, oldest first, as (role, text)."""

    renew_every: float
    avatar_name: str
    prompt: str
    opening_text: str
    faqs: tuple[str, ...]
    language: str
    history: History


@dataclass(frozen=True, slots=True)
class Start:
    """The service's session runs: where its avatar is spoken for, and the hosted room, if it is in one."""

    ws_url: str = field(repr=False)
    room_url: str
    room_token: str = field(repr=False)


class SiteLink:
    """Connects and stays connected until `ended`. `run` is owned by the caller.

    `welcomed`, `started` and `ended` are set once each; after the end `welcomed` and `started` never are.
    """

    def __init__(self, assignment: Assignment, job_id: str) -> None:
        loop = asyncio.get_running_loop()
        self._assignment = assignment
        self._job_id = job_id
        self._outbox = Outbox()
        self._state = "waiting"
        self._failures = 0  # connections in a row on which the site did not say welcome
        self._was_welcome = False
        self._news = asyncio.Event()  # there is something to send
        self._stored = asyncio.Event()  # an acknowledgement came
        self._history: asyncio.Future[History] | None = None  # asked for, and not told yet
        self.welcomed: asyncio.Future[Welcome] = loop.create_future()
        self.started: asyncio.Future[Start] = loop.create_future()
        self.ended: asyncio.Future[str] = loop.create_future()
        self.orders: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue(32)

    def report(self, kind: str, payload: Mapping[str, Any] | None = None, direction: str = "in") -> None:
        """Have an event stored: a word of the FULL-mode vocabulary, or one of the agent's own."""
        self._outbox.put(kind, payload or {}, direction)
        self._news.set()

    def be(self, state: str) -> None:
        """What the agent does now, told at once with a renewal of the lease, and with every other."""
        self._state = state
        self._news.set()

    async def history(self) -> "History":
        """What was said so far, as the site has it now. Raises TimeoutError."""
        self._history = asyncio.get_running_loop().create_future()
        self._news.set()
        async with asyncio.timeout(HISTORY_WITHIN):
            return await self._history

    async def run(self) -> None:
        """Until the conversation is not ours any more."""
        async with aiohttp.ClientSession() as http:
            while not self.ended.done():
                self._was_welcome = False
                try:
                    await self._connected(http)
                    why = "it closed the line"
                except (aiohttp.ClientError, OSError, TimeoutError) as error:
                    # Not its text: it shows the address.
                    why = str(getattr(error, "status", "") or type(error).__name__)
                except (ValueError, KeyError, TypeError) as error:
                    why = f"it sent what cannot be read ({type(error).__name__})"
                if self.ended.done():
                    return
                self._failures = 0 if self._was_welcome else self._failures + 1
                pause = PAUSES[min(self._failures, len(PAUSES) - 1)]
                logger.warning("the line to the site is lost: %s; it is opened again in %g s", why, pause)
                await asyncio.wait({self.ended}, timeout=pause)

    def end(self, reason: str) -> None:
        """The conversation is over, or another agent's."""
        if not self.ended.done():
            self.ended.set_result(reason)

    async def flushed(self) -> None:
        """Wait until all that was reported is stored, but not for ever."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL):
                while self._outbox:
                    self._stored.clear()
                    await self._stored.wait()

    async def _connected(self, http: aiohttp.ClientSession) -> None:
        """Hold one connection until it closes or the conversation ends."""
        async with asyncio.timeout(HELLO_WITHIN):
            socket = await http.ws_connect(
                self._assignment.socket_url, heartbeat=10, timeout=aiohttp.ClientWSTimeout(ws_close=GOODBYE)
            )
        reading = asyncio.create_task(self._read(socket), name="from site")
        try:
            ends: set[asyncio.Future[Any]] = {reading, self.ended}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            reading.cancel()
            await asyncio.wait({reading})
            await socket.close()
        if not reading.cancelled():
            reading.result()
        if socket.close_code in NOT_OURS:
            self.end(f"the site closed the line ({socket.close_code})")

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        assignment = self._assignment
        hello = {"key": assignment.key, "attempt": assignment.attempt, "job": self._job_id}
        speaking: asyncio.Task[None] | None = None
        try:
            async with asyncio.timeout(HELLO_WITHIN) as patience:
                await socket.send_json({"type": "hello", **hello})
                async for message in socket:
                    if message.type is not aiohttp.WSMsgType.TEXT:
                        continue
                    frame = json.loads(message.data)
                    self._take(frame)
                    if frame["type"] == "welcome" and speaking is None:
                        patience.reschedule(None)
                        speaking = asyncio.create_task(
                            self._speak(socket, frame["renew_every"]), name="to site"
                        )
        finally:
            if speaking is not None:
                speaking.cancel()
                await asyncio.wait({speaking})

    async def _speak(self, socket: aiohttp.ClientWebSocketResponse, renew_every: float) -> None:
        """Send what there is, and renew the lease in between."""
        clock = asyncio.get_running_loop().time
        due, told = clock(), self._state
        asked: asyncio.Future[History] | None = None
        self._news.set()
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            while True:
                if clock() >= due or self._state != told:
                    told = self._state
                    await socket.send_json({"type": "renew", "state": told})
                    due = clock() + renew_every
                if self._history is not asked:
                    asked = self._history
                    await socket.send_json({"type": "history"})
                if frame := self._outbox.frame():
                    await socket.send_str(frame)
                    continue
                self._news.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(due):
                        await self._news.wait()

    def _take(self, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "welcome":
                self._was_welcome = True
                self._outbox.start_over(frame["ack"])
                if not self.welcomed.done():
                    self.welcomed.set_result(_welcome(frame))
                if frame["start"]:
                    self._start(frame["start"])
            case "start":
                self._start(frame["start"])
            case "ack":
                self._outbox.acknowledge(frame["ack"])
                self._stored.set()
            case "history":
                if self._history is not None and not self._history.done():
                    self._history.set_result(_history(frame))
            case "end":
                self.end(frame["reason"])
            case "do":
                self._order(frame)

    def _order(self, frame: Mapping[str, Any]) -> None:
        try:
            self.orders.put_nowait(frame)
        except asyncio.QueueFull:
            logger.warning("orders come faster than they are obeyed; one is dropped")

    def _start(self, start: Mapping[str, Any]) -> None:
        if not self.started.done():
            self.started.set_result(
                Start(start["ws_url"], start.get("room_url", ""), start.get("room_token", ""))
            )


def _welcome(frame: Mapping[str, Any]) -> Welcome:
    context = frame["context"]
    return Welcome(
        renew_every=frame["renew_every"],
        avatar_name=frame["avatar_name"],
        prompt=context["prompt"],
        opening_text=context["opening_text"],
        faqs=tuple(context["faqs"]),
        language=frame["language"],
        history=_history(frame),
    )


def _history(frame: Mapping[str, Any]) -> History:
    return tuple((turn["role"], turn["text"]) for turn in frame["history"])
