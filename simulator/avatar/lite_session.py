"""One LITE session: the avatar in its room, and the frames of the media websocket, which the parent passes on."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from livekit import rtc

from simulator.avatar.distortion import Distortion
from simulator.avatar.faults import Faults
from simulator.avatar.job import LiteJob, Order
from simulator.avatar.lips_from_sound import SoundLips
from simulator.avatar.lite_commands import INTERRUPT, InvalidCommand, LiteCommand, parse_frame
from simulator.avatar.lite_conversation import LiteConversation
from simulator.avatar.lite_events import Event
from simulator.avatar.motion import Mood
from simulator.avatar.reports import Reports
from simulator.avatar.stage import RoomLost, Stage
from simulator.avatar.tone import tone
from simulator.avatar.utterances import BufferFull

logger = logging.getLogger(__name__)


class LiteSession:
    """Call `run` once, then `leave`.

    The parent numbers the connections of the websocket. Commands before the `connected` event are dropped (LiveAvatar
    docs, lite-mode events).
    """

    def __init__(self, job: LiteJob, reports: Reports) -> None:
        self._reports = reports
        self._faults = Faults()
        self._distortion = Distortion(self._faults)
        self._stage = Stage(job, self._mood, self._faults)
        self._conversation = LiteConversation(
            playback=self._stage.playback,
            lips=SoundLips(),
            tell=self._tell,
            active=reports.activity,
            longest=job.longest_buffer,
        )
        self._connection: int | None = None
        self._welcoming: asyncio.TimerHandle | None = None
        self._welcomed = False
        self.ready = False
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._stage.room.on("disconnected", self._on_disconnected)

    async def run(self) -> None:
        """Join, report "ready" and speak until cancelled. Raises a group of `JoinFailed` or `RoomLost`."""
        await self._stage.join()
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self._stay())
            parts.create_task(self._stage.run())
            parts.create_task(self._conversation.run())
            await self._stage.publish()
            self.ready = True
            self._reports.send("ready")

    def take(self, order: Order) -> None:
        """Handle an order of the parent. Orders for FULL sessions are dropped."""
        match order.do:
            case "socket":
                self._on_socket(order.members)
            case "media":
                self._on_frame(order.members)
            case "faults":
                self._faults.switch(order.members["faults"])
            case "interrupt":
                self._conversation.obey(LiteCommand(INTERRUPT))
            case "tone":
                self._sound(tone(order.members["seconds"], order.members["hertz"]))
            case _:
                logger.warning("order ignored, not for LITE sessions: %s", order.do)

    async def announce_end(self, reason: str) -> None:
        """Stop speaking and send the final state. The media websocket has no member for `reason`."""
        if self._faults.farewell:
            self._conversation.end()

    async def leave(self) -> None:
        """Leave the room."""
        if self._welcoming is not None:
            self._welcoming.cancel()
        await self._stage.leave()

    async def _stay(self) -> None:
        raise RoomLost(f"the room closed: {await self._lost}")

    def _mood(self) -> Mood:
        return self._conversation.mood

    def _on_socket(self, news: Mapping[str, Any]) -> None:
        """Take the report that a connection has opened, which replaces an earlier one, or that it has closed."""
        if self._welcoming is not None:
            self._welcoming.cancel()
            self._welcoming = None
        self._welcomed = False
        self._conversation.lose_caller()
        self._connection = news["connection"] if news["is"] == "open" else None
        delay = self._faults.connected_after
        if self._connection is None or delay is None:
            return
        if delay > 0:
            self._welcoming = asyncio.get_running_loop().call_later(delay, self._welcome)
        else:
            self._welcome()

    def _welcome(self) -> None:
        self._welcomed = True
        self._conversation.welcome()

    def _on_frame(self, order: Mapping[str, Any]) -> None:
        if not self._welcomed or order["connection"] != self._connection:
            return
        try:
            if order["frame"] is None:
                raise InvalidCommand(order["why"])
            command = parse_frame(order["frame"])
        except InvalidCommand as wrong:
            self._conversation.refuse(wrong)
            return
        self._reports.event("in", command.type, _shown(command), "media")
        self._conversation.obey(command)

    def _sound(self, pcm: bytes) -> None:
        try:
            self._conversation.say(pcm)
        except BufferFull as full:
            logger.warning("test tone dropped: %s", full)

    def _tell(self, event: Event) -> None:
        if not self._welcomed:
            return
        self._reports.event("out", event["type"], event, "media")
        for frame in self._distortion.packets(event):
            self._reports.send("media", connection=self._connection, frame=frame)

    def _on_disconnected(self, reason: rtc.DisconnectReason.ValueType) -> None:
        if not self._faults.stays_without_room and not self._lost.done():
            self._lost.set_result(rtc.DisconnectReason.Name(reason))


def _shown(command: LiteCommand) -> dict[str, Any]:
    """Return the command as the log shows it: with the size of its sound in place of the sound."""
    return {"event_id": command.event_id, **({"bytes": len(command.audio)} if command.audio else {})}
