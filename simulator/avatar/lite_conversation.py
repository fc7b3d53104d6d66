"""The conversation of a LITE session: takes the caller's commands, gives sound, events and the mood of the face.

All known clients accept the order of the events. livekit-plugins-liveavatar 1.8.9 takes both speak_ended and a state
other than talking for the end of an utterance, unless an interrupt event came before.
"""

import logging
from collections.abc import Callable

from simulator.avatar import lite_commands
from simulator.avatar.lite_commands import InvalidCommand, LiteCommand
from simulator.avatar.lite_events import (
    INVALID_REQUEST,
    SERVER_ERROR,
    STARVATION,
    Event,
    about_task,
    error,
    event,
    warning,
)
from simulator.avatar.motion import Mood
from simulator.avatar.playback import Playback
from simulator.avatar.utterances import BufferFull, Lips, Utterance, Utterances

logger = logging.getLogger(__name__)

IDLE, LISTENING, TALKING = "idle", "listening", "talking"
STARVED = "The audio ran dry before agent.speak_end: send it at least as fast as it is played"


class LiteConversation:
    """`tell` sends an event to the caller. `active` is called on every sign of activity, for the idle timeout."""

    def __init__(
        self,
        *,
        playback: Playback,
        lips: Lips,
        tell: Callable[[Event], None],
        active: Callable[[], None],
        longest: float,
    ) -> None:
        self._utterances = Utterances(playback, lips, self, longest)
        self._tell = tell
        self._active = active
        self._state = IDLE
        self._listening = self._dry = self._overflowed = False

    @property
    def mood(self) -> Mood:
        """The mood that the face shows now."""
        if self._state == TALKING and not self._dry:
            return Mood.SPEAKING
        return Mood.LISTENING if self._listening else Mood.IDLE

    async def run(self) -> None:
        """Speak until cancelled."""
        await self._utterances.run()

    def welcome(self) -> None:
        """Tell a caller that has just connected that commands are accepted."""
        self._tell(event("session.state_updated", state="connected"))

    def lose_caller(self) -> None:
        """Seal the open utterance when the websocket has closed. It is played to its end."""
        self._utterances.seal()

    def obey(self, command: LiteCommand) -> None:
        """Handle a command. Unknown types get no answer, as at the service; livekit-starter sends `start`."""
        self._active()
        match command.type:
            case lite_commands.SPEAK:
                if self._append(command):
                    self._tell(event("agent.audio_buffer_appended", command.event_id))
            case lite_commands.SPEAK_END:
                if command.audio:
                    self._append(command)
                self._tell(event("agent.audio_buffer_committed", command.event_id))
                self._utterances.seal()
            case lite_commands.INTERRUPT:
                self._tell(event("agent.audio_buffer_cleared", command.event_id))
                self._interrupt()
            case lite_commands.START_LISTENING | lite_commands.STOP_LISTENING:
                self._listening = command.type == lite_commands.START_LISTENING
                self._rest()
            case lite_commands.KEEP_ALIVE:
                pass
            case unknown:
                logger.debug("ignored a command of type %r", unknown)

    def refuse(self, wrong: InvalidCommand) -> None:
        """Tell the caller what is wrong with a frame."""
        self._tell(error(INVALID_REQUEST, wrong.why, wrong.event_id))

    def say(self, pcm: bytes) -> None:
        """Queue an utterance of our own; seals the open one first. Raises `BufferFull`."""
        self._utterances.seal()
        self._utterances.append(pcm, None)
        self._utterances.seal()

    def end(self) -> None:
        """Stop speaking and send the final state under both of its names, the current and the older one."""
        self._interrupt()
        self._tell(event("session.state_updated", state="disconnected"))
        self._tell(event("session.state_updated", state="closed"))

    def speaking(self, utterance: Utterance) -> None:
        """Implement `utterances.Listener`, like the four methods below."""
        if not utterance.heard:
            utterance.heard = True
            self._tell(about_task("agent.speak_started", utterance.id, utterance.source))
        self._dry = False
        self._show(TALKING)

    def progressed(self) -> None:
        self._active()

    def starved(self, utterance: Utterance) -> None:
        self._dry = True
        self._tell(warning(STARVATION, STARVED))

    def lulled(self, utterance: Utterance) -> None:
        self._show(IDLE)

    def spoken(self, utterance: Utterance) -> None:
        self._tell(about_task("agent.speak_ended", utterance.id, utterance.source))
        self._fall_silent()

    def _append(self, command: LiteCommand) -> bool:
        try:
            self._utterances.append(command.audio, command.event_id)
        except BufferFull as full:
            # Only once: a caller that sends this fast would get a thousand errors.
            if not self._overflowed:
                self._overflowed = True
                self._tell(
                    error(SERVER_ERROR, f"{full}; chunks are dropped until there is room", command.event_id)
                )
            return False
        self._overflowed = False
        return True

    def _interrupt(self) -> None:
        for utterance in self._utterances.interrupt():
            self._tell(about_task("agent.speak_interrupted", utterance.id, utterance.source))
            self._tell(about_task("agent.speak_ended", utterance.id, utterance.source))
        self._listening = False
        self._fall_silent()

    def _fall_silent(self) -> None:
        self._dry = False
        self._show(IDLE)
        self._rest()

    def _rest(self) -> None:
        """Show listening or idle, unless the avatar is talking."""
        if self._state != TALKING:
            self._show(LISTENING if self._listening else IDLE)

    def _show(self, state: str) -> None:
        if state != self._state:
            previous, self._state = self._state, state
            self._tell(event("agent.state_updated", previous_state=previous, new_state=state))
