"""One conversation, from start to clean-up: the room, the framework's session and the avatar together."""

import asyncio
import contextlib
import logging
from typing import Any

from livekit import rtc
from livekit.agents import AgentSession, CloseEvent, CloseReason
from livekit.agents.voice.room_io import AudioInputOptions, RoomOptions

from agent.avatar.output import AvatarOutput
from agent.avatar.tone import sine_tone
from agent.conversation import commands
from agent.conversation.avatar_agent import AvatarAgent
from agent.conversation.avatar_pose import AvatarPose
from agent.conversation.command_inbox import CommandInbox
from agent.conversation.commands import Command, read_command
from agent.conversation.page_events import PageEvents
from agent.conversation.participants import link_next_person, wait_for_person
from agent.conversation.session_reporter import SessionReporter
from agent.pipeline.build import build_session
from agent.site.client import SiteClient
from agent.site.frames import AgentConfig, SessionAccess
from liveavatar.media_events import Notice
from liveavatar.media_socket import MediaSocket
from liveavatar.pcm_check import Finding

logger = logging.getLogger(__name__)

# Reasons for a disconnect after which the room still exists: a draining worker leaves, the site removes an agent
# whose lease lapsed, its successor joins under the same identity.
ROOM_NOT_LOST = frozenset(
    {
        rtc.DisconnectReason.CLIENT_INITIATED,
        rtc.DisconnectReason.PARTICIPANT_REMOVED,
        rtc.DisconnectReason.DUPLICATE_IDENTITY,
    }
)
LISTENER_TIMEOUT = 5.0  # seconds; then the opening text is said even to an empty room
LEAD_IN = 0.3  # seconds between a browser's joining and its playing of audio
PAGE_REPORT_DELAY = 0.3  # seconds in which a page's report of a command reaches the site
CAUSE_TIMEOUT = 1.0  # seconds after the loss of the room, for the avatar or the site to report the cause

ROOM_OPTIONS = RoomOptions(
    audio_output=False,
    text_input=False,
    close_on_disconnect=False,  # a page that reloads returns as the same participant
    audio_input=AudioInputOptions(
        sample_rate=16_000,
        frame_size_ms=32,  # one window of the voice detector
        auto_gain_control=False,  # browsers do it; a second one spoils the recogniser's input
        pre_connect_audio=False,
    ),
)


class Conversation:
    """Runs once. `run` returns the cause of the end, or "" when the site knows it or another agent continues."""

    def __init__(self, site: SiteClient, config: AgentConfig, access: SessionAccess, room: rtc.Room) -> None:
        """Raises InvalidPipeline or `voice.settings.InvalidSpeechSetting`."""
        self._site = site
        self._room = room
        self._session: AgentSession[None] = build_session(config)
        self._avatar = MediaSocket(
            access.ws_url, on_notice=self._on_notice, on_sound_fault=self._on_sound_fault
        )
        self._takes_over = bool(config.history)
        self._output = AvatarOutput(self._avatar, takes_over=self._takes_over)
        self._pose = AvatarPose(self._session, self._output)
        self._page = PageEvents(room)
        self._reporter = SessionReporter(site, self._page.publish)
        self._agent = AvatarAgent(config, self._reporter, self._wait_for_listener)
        loop = asyncio.get_running_loop()
        self._room_lost: asyncio.Future[int] = loop.create_future()
        self._session_closed: asyncio.Future[bool] = loop.create_future()  # True: the pipeline hung up
        self._commands = CommandInbox()
        # Subscribe before starting, so that commands sent during a take-over are not lost; earlier ones are in the
        # history.
        self._commands.subscribe(room)

    async def run(self) -> str:
        """Hold the conversation. Raises `liveavatar.media_socket.MediaSocketError` when the avatar is unreachable."""
        try:
            async with self._avatar:
                return await self._hold()
        finally:
            await self._close_parts()

    async def _hold(self) -> str:
        tasks = {asyncio.create_task(self._output.run(), name="avatar output")}
        try:
            await self._start_session()
            tasks |= {
                asyncio.create_task(self._execute_commands(), name="commands"),
                asyncio.create_task(self._receive_staff_commands(), name="staff commands"),
                asyncio.create_task(self._page.run(), name="page events"),
            }
            return await self._wait_for_end(tasks)
        finally:
            # The output ends first: the session would wait for playback that never finishes.
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await self._session.aclose()

    async def _start_session(self) -> None:
        if self._takes_over:
            await self._catch_up()
        self._reporter.follow_session(self._session)
        self._pose.follow_session()
        self._session.on("close", self._on_close)
        self._room.on("disconnected", self._on_disconnected)
        self._session.output.audio = self._output  # before the start, which wraps it
        await self._session.start(self._agent, room=self._room, record=False, room_options=ROOM_OPTIONS)
        link_next_person(self._room, self._session.room_io)

    async def _catch_up(self) -> None:
        """Fetch the questions typed while no agent was in the room, so that each is answered once."""
        await asyncio.sleep(PAGE_REPORT_DELAY)
        with contextlib.suppress(TimeoutError):  # not connected to the site: keep the history of the welcome
            await self._agent.replace_history(await self._site.fetch_history())
        self._commands.discard(Command(commands.SPEAK_RESPONSE, self._agent.unanswered))

    async def _wait_for_end(self, tasks: set[asyncio.Task[None]]) -> str:
        ends: set[asyncio.Future[Any]] = {
            self._site.ended,
            self._avatar.over,
            self._room_lost,
            self._session_closed,
        }
        done, _ = await asyncio.wait({*ends, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks & done:
            task.result()  # raises: a task ends only by an error
        is_room_lost = self._room_lost.done() and self._room_lost.result() not in ROOM_NOT_LOST
        if is_room_lost:
            # The service closes its room and the media websocket together, and knows why.
            await asyncio.wait(
                {self._avatar.over, self._site.ended}, timeout=CAUSE_TIMEOUT, return_when="FIRST_COMPLETED"
            )
        if self._site.ended.done():
            return ""
        if self._avatar.over.done():
            return "avatar"
        if self._session_closed.done() and self._session_closed.result():
            return "agent"
        return "room" if is_room_lost else ""

    async def _close_parts(self) -> None:
        # The framework does not close parts that it was given.
        for part in (self._session.stt, self._session.llm, self._session.tts):
            if part is not None:
                await part.aclose()

    async def _wait_for_listener(self) -> None:
        await wait_for_person(self._room, LISTENER_TIMEOUT)
        await asyncio.sleep(LEAD_IN)

    async def _receive_staff_commands(self) -> None:
        while True:
            self._commands.put(read_command(await self._site.commands.get()))

    async def _execute_commands(self) -> None:
        while True:
            command = await self._commands.get()
            try:
                self._execute(command)
            except RuntimeError as error:  # the framework raises it when its session is closing
                logger.warning("%s not executed: %s", command.kind, error)

    def _execute(self, command: Command) -> None:
        match command.kind:
            case commands.SPEAK_RESPONSE:
                self._session.generate_reply(user_input=command.text)
            case commands.SPEAK_TEXT:
                self._session.say(command.text)
            case commands.TEST_TONE:
                self._session.say("", audio=sine_tone(), add_to_chat_ctx=False)
            case commands.INTERRUPT:
                self._output.silence_predecessor()
                self._session.interrupt(force=True)
            case commands.START_LISTENING:
                self._pose.set_listening(True)
            case commands.STOP_LISTENING:
                self._pose.set_listening(False)

    def _on_notice(self, notice: Notice) -> None:
        kind = "agent.avatar_error" if notice.is_error else "agent.avatar_warning"
        self._site.report(kind, {"type": notice.kind, "message": notice.words})

    def _on_sound_fault(self, finding: Finding) -> None:
        source = self._session.tts.label if self._session.tts is not None else "the model"
        logger.error("%s: audio refused by the avatar: %s", source, finding)
        self._site.report(
            "agent.sound_fault",
            {"fault": finding.fault.name.lower(), "message": str(finding), "source": source},
        )

    def _on_close(self, event: CloseEvent) -> None:
        if event.reason is CloseReason.ERROR:
            logger.error("the session closed after repeated errors; the site dispatches another agent")
        # The framework gives this reason to a stopping worker and to `AgentSession.shutdown`, with which tools hang
        # up; only the latter creates a task.
        has_hung_up = event.reason is CloseReason.USER_INITIATED and self._session._closing_task is not None
        if not self._session_closed.done():
            self._session_closed.set_result(has_hung_up)

    def _on_disconnected(self, reason: rtc.DisconnectReason.ValueType) -> None:
        if not self._room_lost.done():
            self._room_lost.set_result(reason)
