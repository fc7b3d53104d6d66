"""What happens in the framework's session, told to the site in the words of FULL mode.

So transcripts, timelines and analytics read both modes alike. An answer's whole text is `avatar.transcription`; what of
it was heard comes when it is over, as `agent.answered`, with the framework's latency figures.
"""

from collections.abc import Callable

from livekit.agents import (
    AgentSession,
    AgentStateChangedEvent,
    ConversationItemAddedEvent,
    ErrorEvent,
    UserInputTranscribedEvent,
    UserStateChangedEvent,
)
from livekit.agents.llm import ChatMessage
from livekit.agents.voice import SpeechHandle
from livekit.agents.voice.events import AgentFalseInterruptionEvent

from agent.site import SiteLink

# Seconds, by the framework's names; only what it measured is there.
FIGURES = (
    "e2e_latency",
    "transcription_delay",
    "end_of_turn_delay",
    "llm_node_ttft",
    "tts_node_ttfb",
    "playback_latency",
)


class Recorder:
    """Handlers are synchronous and only note: the line to the site does the sending."""

    def __init__(self, site: SiteLink, show: Callable[[str], None]) -> None:
        """`show` tells the page of an event that has no text: transcripts reach it as text streams."""
        self._site = site
        self._show = show
        self._asked: dict[str, object] = {}  # the figures of the question that is not answered yet
        self._texts: list[tuple[str, SpeechHandle]] = []  # of answers that do not sound yet
        self._session: AgentSession[None] | None = None

    def follow(self, session: AgentSession[None]) -> None:
        """Report on `session` from now on."""
        self._session = session
        session.on("user_state_changed", self._on_user)
        session.on("user_input_transcribed", self._on_transcribed)
        session.on("agent_state_changed", self._on_agent)
        session.on("conversation_item_added", self._on_item)
        session.on("agent_false_interruption", self._on_false_interruption)
        session.on("error", self._on_error)

    def means_to_say(self, text: str, answer: SpeechHandle) -> None:
        """The whole of an answer, as the model gave it.

        Told when it sounds: it may be made while another one is spoken, and may never be, when it is called off.
        """
        if said := text.strip():
            self._texts.append((said, answer))
            self._tell_texts()

    def _on_user(self, event: UserStateChangedEvent) -> None:
        if event.new_state == "speaking":
            self._tell("user.speak_started")
        elif event.old_state == "speaking":
            self._tell("user.speak_ended")

    def _on_transcribed(self, event: UserInputTranscribedEvent) -> None:
        if event.transcript.strip():
            kind = "user.transcription" if event.is_final else "user.transcription.chunk"
            self._site.report(kind, {"text": event.transcript.strip()})

    def _on_agent(self, event: AgentStateChangedEvent) -> None:
        self._site.be(event.new_state)
        if event.new_state == "speaking":
            self._tell("avatar.speak_started")
            self._tell_texts()
        elif event.old_state == "speaking":
            self._tell("avatar.speak_ended")

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        item = event.item
        if not isinstance(item, ChatMessage):
            return  # a hand-over between agents
        figures = {name: value for name, value in item.metrics.items() if name in FIGURES}
        if item.role == "user":
            self._asked = figures
        elif item.role == "assistant":
            seconds, self._asked = {**self._asked, **figures}, {}
            self._site.report(
                "agent.answered",
                {"heard": item.text_content or "", "interrupted": item.interrupted, "seconds": seconds},
            )

    def _on_false_interruption(self, event: AgentFalseInterruptionEvent) -> None:
        self._site.report("agent.false_interruption", {"resumed": event.resumed})

    def _on_error(self, event: ErrorEvent) -> None:
        # Only its kind: texts of providers may hold keys or what people said.
        error = getattr(event.error, "error", event.error)
        self._site.report(
            "agent.error",
            {
                "source": type(event.source).__name__,
                "kind": type(error).__name__,
                "recoverable": bool(getattr(event.error, "recoverable", False)),
            },
        )

    def _tell_texts(self) -> None:
        if self._session is None or self._session.agent_state != "speaking":
            return
        sounding = self._session.current_speech
        for said, answer in self._texts:
            if answer is sounding:
                self._site.report("avatar.transcription", {"text": said})
        self._texts = [each for each in self._texts if each[1] is not sounding and not each[1].done()]

    def _tell(self, kind: str) -> None:
        self._site.report(kind)
        self._show(kind)
