"""One conversation: the room, the framework's session and the avatar put together, from the start to the clean-up."""

import asyncio
import contextlib
import json
import logging
from collections import deque
from typing import Any
from uuid import uuid4

from livekit import rtc
from livekit.agents import AgentSession, CloseEvent, CloseReason
from livekit.agents.voice.room_io import AudioInputOptions, RoomOptions
from livekit.rtc.participant import PublishDataError

from agent import commands
from agent.audience import follow_people, is_person, wait_for_person
from agent.avatar_output import AvatarOutput
from agent.commands import Command, command_of, parse_command
from agent.pipeline import build_session
from agent.presenter import Presenter
from agent.recorder import Recorder
from agent.site import SiteLink, Start, Welcome
from agent.tone import tone
from liveavatar.media_events import Notice
from liveavatar.media_socket import MediaSocket
from liveavatar.pcm_check import Finding
from liveavatar.vocabulary import EVENT_TOPIC

logger = logging.getLogger(__name__)

# Whoever leaves by itself (the worker drains) or is put out (another agent took over) has not lost the room.
NOT_LOST = frozenset(
    {
        rtc.DisconnectReason.CLIENT_INITIATED,
        rtc.DisconnectReason.PARTICIPANT_REMOVED,
        rtc.DisconnectReason.DUPLICATE_IDENTITY,
    }
)
AUDIENCE_WITHIN = 5.0  # seconds: then the opening words are spoken, heard or not
LEAD_IN = 0.3  # seconds; a browser needs a moment between joining and playing the avatar's voice
REPORTED_WITHIN = 0.3  # seconds, for what a page tells the site as it sends it to the room
LINE_TELLS = 1.0  # seconds, after the room, for the avatar's line to close too
MOST_COMMANDS = 32  # that wait
ANNOUNCED_WITHIN = 5.0  # seconds; a livekit-server tells of a newcomer without a microphone up to 3 s late
TOGETHER = 0.05  # seconds; those it tells of at once


class Conversation:
    """`run` returns why it is over: a cause for the site, or "" when the site ended it or another agent goes on."""

    def __init__(self, site: SiteLink, welcome: Welcome, start: Start, room: rtc.Room) -> None:
        """Raises `agent.pipeline.BadPipeline` or `voice.settings.InvalidSpeechSetting`."""
        self._site = site
        self._room = room
        self._session: AgentSession[None] = build_session(welcome)
        self._avatar = MediaSocket(
            start.ws_url, on_notice=self._on_notice, on_sound_fault=self._on_sound_fault
        )
        self._takes_over = bool(welcome.history)
        self._output = AvatarOutput(self._avatar, takes_over=self._takes_over)
        self._recorder = Recorder(site, self._show)
        self._shown: asyncio.Queue[str] = asyncio.Queue()
        self._commands: asyncio.Queue[Command] = asyncio.Queue(MOST_COMMANDS)
        self._presenter = Presenter(welcome, self._recorder, self._audience)
        self._strangers: deque[tuple[float, bytes]] = deque(maxlen=MOST_COMMANDS)  # when, and what they sent
        self._listens = False
        loop = asyncio.get_running_loop()
        self._room_lost: asyncio.Future[int] = loop.create_future()
        self._hung_up: asyncio.Future[bool] = loop.create_future()  # once the framework's session has closed
        # From now on, as what was asked before is in the history: who takes over must miss nothing while it begins.
        room.on("data_received", self._on_data)
        room.on("participant_connected", self._on_joined)

    async def run(self) -> str:
        """Raises `liveavatar.media_socket.MediaSocketError` when the avatar cannot be reached at all."""
        try:
            async with self._avatar:
                return await self._hold()
        finally:
            await self._give_back()

    async def _hold(self) -> str:
        speaking = asyncio.create_task(self._output.run(), name="avatar output")
        parts = {speaking}
        try:
            await self._begin()
            parts |= {
                asyncio.create_task(self._obey(), name="commands"),
                asyncio.create_task(self._hear_site(), name="orders of the site"),
                asyncio.create_task(self._show_page(), name="news for the page"),
            }
            return await self._over(parts)
        finally:
            # The output ends first, or the session waits for what the avatar will never say.
            for part in parts:
                part.cancel()
            await asyncio.wait(parts)
            await self._session.aclose()

    async def _begin(self) -> None:
        session, room = self._session, self._room
        if self._takes_over:
            await self._catch_up()
        self._recorder.follow(session)
        session.on("user_state_changed", self._on_state)
        session.on("agent_state_changed", self._on_state)
        session.on("close", self._on_close)
        room.on("disconnected", self._on_disconnected)
        session.output.audio = self._output  # before the start: the framework wraps it then
        await session.start(
            self._presenter,
            room=room,
            record=False,
            room_options=RoomOptions(
                audio_output=False,
                text_input=False,
                # A page that reloads comes back as the same participant.
                close_on_disconnect=False,
                # Browsers set the gain; a second one spoils what the recogniser hears. A frame is what the voice
                # detector looks at at a time, so that it waits for none.
                audio_input=AudioInputOptions(
                    sample_rate=16_000, frame_size_ms=32, auto_gain_control=False, pre_connect_audio=False
                ),
            ),
        )
        follow_people(room, session.room_io)

    async def _catch_up(self) -> None:
        """What was typed while nobody was here is with the site by now, and what came since is with us: once each."""
        await asyncio.sleep(REPORTED_WITHIN)
        with contextlib.suppress(TimeoutError):  # the line to the site broke: what the welcome told must do
            await self._presenter.catch_up(await self._site.history())
        owed = Command(commands.ASK, self._presenter.owed)
        waiting = [self._commands.get_nowait() for _ in range(self._commands.qsize())]
        for command in waiting:
            if command != owed:
                self._ask_for(command)

    async def _over(self, parts: set[asyncio.Task[None]]) -> str:
        ends: set[asyncio.Future[Any]] = {self._site.ended, self._avatar.over, self._room_lost, self._hung_up}
        done, _ = await asyncio.wait({*ends, *parts}, return_when=asyncio.FIRST_COMPLETED)
        for part in parts & done:
            part.result()  # none of them ends by itself but by a fault, which is raised here
        lost = self._room_lost.done() and self._room_lost.result() not in NOT_LOST
        if lost:
            # The service closes a room of its own and the avatar's line together, and knows why.
            await asyncio.wait(
                {self._avatar.over, self._site.ended}, timeout=LINE_TELLS, return_when="FIRST_COMPLETED"
            )
        if self._site.ended.done():
            return ""
        if self._avatar.over.done():
            return "avatar"
        if self._hung_up.done() and self._hung_up.result():
            return "agent"
        return "room" if lost else ""

    async def _audience(self) -> None:
        await wait_for_person(self._room, AUDIENCE_WITHIN)
        await asyncio.sleep(LEAD_IN)

    async def _give_back(self) -> None:
        """The framework leaves its parts open: they belong to whoever made them."""
        for part in (self._session.stt, self._session.llm, self._session.tts):
            if part is not None:
                await part.aclose()

    async def _hear_site(self) -> None:
        while True:
            order = await self._site.orders.get()
            self._ask_for(command_of(order.get("command")))

    async def _obey(self) -> None:
        while True:
            command = await self._commands.get()
            try:
                self._do(command)
            except RuntimeError as error:  # the framework's way to say that its session is closing
                logger.warning("%s came too late: %s", command.kind, error)

    def _do(self, command: Command) -> None:
        match command.kind:
            case commands.ASK:
                self._session.generate_reply(user_input=command.text)
            case commands.SAY:
                self._session.say(command.text)
            case commands.TONE:
                self._session.say("", audio=tone(), add_to_chat_ctx=False)
            case commands.INTERRUPT:
                self._output.hush_predecessor()
                self._session.interrupt(force=True)
            case commands.START_LISTENING | commands.STOP_LISTENING:
                self._listen(command.kind == commands.START_LISTENING)

    def _ask_for(self, command: Command | None) -> None:
        if command is None:
            return
        try:
            self._commands.put_nowait(command)
        except asyncio.QueueFull:
            logger.warning("commands come faster than they are obeyed; %s is dropped", command.kind)

    def _show(self, kind: str) -> None:
        self._shown.put_nowait(kind)

    async def _show_page(self) -> None:
        """Tell the page what the avatar and the user do, in the words and on the topic of FULL mode."""
        while True:
            packet = json.dumps({"event_id": str(uuid4()), "event_type": await self._shown.get()}).encode()
            with contextlib.suppress(PublishDataError):  # the room is closing: nobody is left to tell
                await self._room.local_participant.publish_data(packet, topic=EVENT_TOPIC)

    def _on_state(self, _: object) -> None:
        # Once the framework has done what the state changes for: it pauses the answer after it says so.
        asyncio.get_running_loop().call_soon(self._pose)

    def _pose(self) -> None:
        """Listen while the user has the word and the avatar does not talk (LiveAvatar agent skills, turn pattern)."""
        user_speaks, state = self._session.user_state == "speaking", self._session.agent_state
        if user_speaks:
            self._output.hush_predecessor()
        self._listen(state == "listening" or (user_speaks and state != "speaking"))

    def _listen(self, listens: bool) -> None:
        if listens != self._listens:
            self._listens = listens
            self._output.listen(listens)

    def _on_data(self, packet: rtc.DataPacket) -> None:
        if packet.topic != commands.TOPIC:
            return
        if packet.participant is None:
            self._strangers.append((asyncio.get_running_loop().time(), packet.data))
        elif is_person(packet.participant):
            self._ask_for(parse_command(packet.data))

    def _on_joined(self, participant: rtc.RemoteParticipant) -> None:
        """Somebody is announced, who may have sent what a stranger sent before."""
        if is_person(participant):
            # Not at once: whoever is announced in the same breath may be an agent.
            asyncio.get_running_loop().call_later(TOGETHER, self._obey_strangers)
        else:
            self._strangers.clear()

    def _obey_strangers(self) -> None:
        strangers, now = list(self._strangers), asyncio.get_running_loop().time()
        self._strangers.clear()
        for at, data in strangers:
            if now - at < ANNOUNCED_WITHIN:
                self._ask_for(parse_command(data))

    def _on_notice(self, notice: Notice) -> None:
        kind = "agent.avatar_error" if notice.is_error else "agent.avatar_warning"
        self._site.report(kind, {"type": notice.kind, "message": notice.words})

    def _on_sound_fault(self, finding: Finding) -> None:
        voice = self._session.tts.label if self._session.tts is not None else "the model"
        logger.error("the sound of %s is not what the avatar takes: %s", voice, finding)
        self._site.report(
            "agent.sound_fault",
            {"fault": finding.fault.name.lower(), "message": str(finding), "source": voice},
        )

    def _on_close(self, event: CloseEvent) -> None:
        if event.reason is CloseReason.ERROR:
            logger.error("the framework gave the conversation up after errors; another agent is asked for")
        # Both a worker that stops and `AgentSession.shutdown`, by which tools hang up, count as the user's initiative;
        # only the latter leaves a task behind.
        by_itself = event.reason is CloseReason.USER_INITIATED and self._session._closing_task is not None
        if not self._hung_up.done():
            self._hung_up.set_result(by_itself)

    def _on_disconnected(self, reason: rtc.DisconnectReason.ValueType) -> None:
        if not self._room_lost.done():
            self._room_lost.set_result(reason)
