"""One FULL session: puts the parts together and passes the room's events on to them."""

import asyncio
import logging
import os
from typing import Any

from livekit import rtc
from livekit.rtc.participant import PublishDataError

from simulator.avatar import commands, events
from simulator.avatar.commands import INTERRUPT, SPEAK_TEXT, BadCommand, Command, parse_command
from simulator.avatar.conversation import Conversation
from simulator.avatar.delivery import Delivery
from simulator.avatar.distortion import Distortion
from simulator.avatar.ears import Ears
from simulator.avatar.events import Events
from simulator.avatar.faults import Faults
from simulator.avatar.job import Job, Order
from simulator.avatar.joining import join
from simulator.avatar.motion import Mood
from simulator.avatar.push_to_talk import PushToTalk
from simulator.avatar.reports import Reports
from simulator.avatar.slow_brain import SlowBrain
from simulator.avatar.speech import Speech
from simulator.avatar.stage import RoomLost, Stage
from simulator.avatar.tone import tone
from voice.answering.brain import Brain
from voice.factory import build_brain
from voice.settings import SpeechSettings, from_environment

logger = logging.getLogger(__name__)

SUBSCRIPTION_PATIENCE = 5.0  # seconds after the user's join in which the greeting waits for a subscription
LEAD_IN = 0.3  # seconds that a browser needs between subscribing to a track and playing it
FAREWELL = 0.15  # seconds for the last data packets to leave; the SDK does not report it


class AvatarSession:
    """A FULL session. Call `run` once, then `leave`."""

    def __init__(self, job: Job, reports: Reports) -> None:
        self._job = job
        self._reports = reports
        self._faults = Faults()
        self._distortion = Distortion(self._faults)
        self._stage = Stage(job, self._mood, self._faults)
        self._agent_room = rtc.Room()
        settings = from_environment(os.environ)
        self._speech = Speech(settings, job.voice)
        self._brain = _brain(job, settings)
        self._events = Events(job.session_id, self._send)
        self._delivery = Delivery(self._events, self._stage.playback, self._speech)
        self._conversation = Conversation(
            events=self._events,
            delivery=self._delivery,
            brain=SlowBrain(self._brain, self._faults) if self._brain is not None else None,
            push_to_talk=PushToTalk(job.push_to_talk, self._events, self._on_window),
            said=reports.transcript,
        )
        self._ears = Ears(
            self._agent_room,
            _is_user,
            job=job,
            settings=settings,
            listener=self._conversation,
            audible=lambda: self._delivery.audible,
            played=self._stage.played,
            reports=reports,
        )
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
            parts.create_task(self._ears.run())
            if self._brain is not None:
                parts.create_task(self._brain.open())

    def take(self, order: Order) -> None:
        """Handle an order of the parent. Orders for LITE sessions are dropped."""
        match order.do:
            case "faults":
                self._faults.switch(order.members["faults"])
            case "interrupt":
                self._conversation.obey(Command(INTERRUPT))
            case "say":
                self._conversation.obey(Command(SPEAK_TEXT, text=order.members["text"]))
            case "tone":
                self._delivery.sound(tone(order.members["seconds"], order.members["hertz"]))
            case _:
                logger.warning("order ignored, not for FULL sessions: %s", order.do)

    async def announce_end(self, reason: str) -> None:
        """Stop speaking and tell the room why the session ends. Only while `run` is running."""
        await self._conversation.close()
        if self._faults.farewell:
            # The documentation names `end_reason`, web SDK 0.0.18 reads `stop_reason`.
            self._events.publish("session.stopped", end_reason=reason, stop_reason=reason)
        await self._events.flushed()
        await asyncio.sleep(FAREWELL)

    async def leave(self) -> None:
        """Leave the room with both participants and end the speech process."""
        await asyncio.gather(
            self._ears.close(),
            *([self._brain.close()] if self._brain is not None else []),
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
        self._ears.begin()

    async def _greet(self, voice: rtc.LocalTrackPublication) -> None:
        """Speak the opening text, once, when a user has subscribed to the voice."""
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
        for packet in self._distortion.packets(event):
            try:
                await self._agent_room.local_participant.publish_data(packet, topic=events.TOPIC)
            except PublishDataError as error:
                logger.warning("event not sent: %s", error.message)

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
            logger.debug("packet on %s ignored: %s", commands.TOPIC, bad)
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
        if not self._lost.done() and not self._faults.stays_without_room:
            self._lost.set_result(rtc.DisconnectReason.Name(reason))

    def _on_window(self, is_open: bool) -> None:
        if is_open:
            self._conversation.interrupt()  # a user who presses the button wants to talk
            self._ears.open_window()
        else:
            self._ears.close_window()


def _brain(job: Job, settings: SpeechSettings) -> Brain | None:
    if job.context is None:
        return None
    name, prompt, faqs = job.avatar.title(), job.context.prompt, job.context.faqs
    return build_brain(settings, name=name, prompt=prompt, faqs=faqs, llm=job.llm)


def _is_user(participant: rtc.RemoteParticipant) -> bool:
    """Return whether a participant is a user. Avatars and agents join with another kind."""
    return participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD
