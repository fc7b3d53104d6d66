"""One avatar session in its room: the parts put together, and the room's news passed on to them."""

import asyncio
import json
import logging
from typing import Any

from livekit import rtc
from livekit.rtc.participant import PublishDataError

from simulator.avatar import commands, events
from simulator.avatar.commands import SPEAK_TEXT, BadCommand, Command, parse_command
from simulator.avatar.conversation import Conversation
from simulator.avatar.events import Events
from simulator.avatar.faults import Faults
from simulator.avatar.hearing import Hearing
from simulator.avatar.job import Job, Order
from simulator.avatar.joining import join
from simulator.avatar.motion import Mood
from simulator.avatar.push_to_talk import PushToTalk
from simulator.avatar.reports import Reports
from simulator.avatar.speech import Speech
from simulator.avatar.stage import RoomLost, Stage
from voice.brain import OfflineBrain

logger = logging.getLogger(__name__)

SUBSCRIPTION_PATIENCE = 5.0  # seconds after the user joined: then the greeting is spoken, heard or not
LEAD_IN = 0.3  # seconds; a browser needs a moment between subscribing to a track and playing it
FAREWELL = 0.15  # seconds for the last data packets to leave: the SDK cannot tell when they are gone


class AvatarSession:
    """A FULL session. `run` is the session's life and `leave` its orderly end. An instance serves once."""

    def __init__(self, job: Job, reports: Reports) -> None:
        self._job = job
        self._reports = reports
        self._faults = Faults()
        self._stage = Stage(job, self._mood, self._faults)
        self._agent_room = rtc.Room()
        self._speech = Speech(job.voice)
        self._events = Events(job.session_id, self._send)
        self._conversation = Conversation(
            events=self._events,
            playback=self._stage.playback,
            speech=self._speech,
            brain=_brain(job),
            push_to_talk=PushToTalk(job.push_to_talk, self._events),
            said=reports.transcript,
        )
        self._hearing = Hearing(self._agent_room, _is_user, self._hear)
        self.ready = False
        self._user_here = asyncio.Event()
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._follow_room()

    async def run(self) -> None:
        """Join, report "ready" and talk until cancelled. Raises a group of `JoinFailed` or `RoomLost`."""
        await self._join()
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self._stay())
            parts.create_task(self._stage.run())
            parts.create_task(self._events.run())
            parts.create_task(self._conversation.run())
            voice = await self._stage.publish()
            self.ready = True
            self._reports.send("ready")
            parts.create_task(self._greet(voice))

    def take(self, order: Order) -> None:
        """Follow an order of the parent; one that means nothing to a FULL session is dropped."""
        match order.do:
            case "faults":
                self._faults.switch(order.members["faults"])
            case "say":
                self._conversation.obey(Command(SPEAK_TEXT, text=order.members["text"]))
            case _:
                logger.warning("an order for another kind of session: %s", order.do)

    async def announce_end(self, reason: str) -> None:
        """Fall silent and tell the room why it ends. Only while `run` is running."""
        await self._conversation.close()
        # The documentation names `end_reason`, web SDK 0.0.18 reads `stop_reason`.
        self._events.publish("session.stopped", end_reason=reason, stop_reason=reason)
        await self._events.flushed()
        await asyncio.sleep(FAREWELL)

    async def leave(self) -> None:
        """Leave the room with both participants and end the speech process."""
        await asyncio.gather(
            self._hearing.close(),
            self._speech.close(),
            self._stage.leave(),
            self._agent_room.disconnect(),
        )

    async def _join(self) -> None:
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self._stage.join())
            parts.create_task(
                join(self._agent_room, self._job.livekit_url, self._job.agent_token, "the agent")
            )
            parts.create_task(self._speech.open())
        for participant in self._agent_room.remote_participants.values():
            self._on_joined(participant)
        self._hearing.begin(self._agent_room)

    async def _greet(self, voice: rtc.LocalTrackPublication) -> None:
        """Speak the opening text, once, when somebody can hear it."""
        if self._job.context is None or not self._job.context.opening_text.strip():
            return
        subscribed = asyncio.create_task(voice.wait_for_subscription())
        here = asyncio.create_task(self._user_here.wait())
        try:
            await asyncio.wait({subscribed, here}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({subscribed}, timeout=SUBSCRIPTION_PATIENCE)
        finally:
            subscribed.cancel()
            here.cancel()
        await asyncio.sleep(LEAD_IN)
        self._conversation.obey(Command(SPEAK_TEXT, text=self._job.context.opening_text))

    async def _stay(self) -> None:
        raise RoomLost(f"the room closed: {await self._lost}")

    async def _send(self, event: dict[str, Any]) -> None:
        self._reports.event("out", event["event_type"], event)
        packet = json.dumps(event).encode()
        try:
            await self._agent_room.local_participant.publish_data(packet, reliable=True, topic=events.TOPIC)
        except PublishDataError as error:
            logger.warning("an event was not sent: %s", error.message)

    def _mood(self) -> Mood:
        return self._conversation.mood

    def _follow_room(self) -> None:
        self._agent_room.on("data_received", self._on_data)
        self._agent_room.on("participant_connected", self._on_joined)
        self._agent_room.on("participant_disconnected", self._on_left)
        self._agent_room.on("disconnected", self._on_disconnected)
        self._stage.room.on("disconnected", self._on_disconnected)

    def _on_data(self, packet: rtc.DataPacket) -> None:
        if packet.topic != commands.TOPIC:
            return
        try:
            command = parse_command(packet.data)
        except BadCommand as bad:
            logger.debug("dropped a packet on %s: %s", commands.TOPIC, bad)
            return
        self._reports.activity()
        self._reports.event("in", command.type, {"event_id": command.event_id, "text": command.text})
        self._conversation.obey(command)

    def _on_joined(self, participant: rtc.RemoteParticipant) -> None:
        if _is_user(participant):
            self._user_here.set()
            self._reports.send("user_joined", identity=participant.identity)

    def _on_left(self, participant: rtc.RemoteParticipant) -> None:
        if _is_user(participant):
            self._reports.send("user_left", identity=participant.identity)

    def _on_disconnected(self, reason: rtc.DisconnectReason.ValueType) -> None:
        if not self._lost.done():
            self._lost.set_result(rtc.DisconnectReason.Name(reason))

    def _hear(self, pcm: memoryview) -> None:
        """The user's voice arrives here. Nothing recognises speech yet."""


def _brain(job: Job) -> OfflineBrain | None:
    if job.context is None:
        return None
    return OfflineBrain(name=job.avatar.title(), prompt=job.context.prompt, faqs=job.context.faqs)


def _is_user(participant: rtc.RemoteParticipant) -> bool:
    """Avatars and agents join with a kind of their own."""
    return participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD
