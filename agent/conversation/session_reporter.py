"""Reports of a conversation to the site, in FULL mode's words, so that transcripts read both modes alike.

`avatar.transcription` is the whole text of an answer. `agent.answered` follows at its end: the text that was heard,
and the framework's latency figures.
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

from agent.site.client import SiteClient

# Seconds, by the framework's names. A message holds only those that the framework measured.
LATENCY_FIGURES = (
    "e2e_latency",
    "transcription_delay",
    "end_of_turn_delay",
    "llm_node_ttft",
    "tts_node_ttfb",
    "playback_latency",
)


class SessionReporter:
    """Turns the framework's events into reports. Its handlers are synchronous: `SiteClient` sends."""

    def __init__(self, site: SiteClient, publish: Callable[[str], None]) -> None:
        """`publish` sends an event without text to the page; transcripts reach it as LiveKit text streams."""
        self._site = site
        self._publish = publish
        self._question_seconds: dict[str, object] = {}  # figures of the question that is not answered yet
        self._pending_texts: list[tuple[str, SpeechHandle]] = []  # of answers that do not sound yet
        self._session: AgentSession[None] | None = None

    def follow_session(self, session: AgentSession[None]) -> None:
        """Report the events of `session` from now on."""
        self._session = session
        session.on("user_state_changed", self._on_user_state)
        session.on("user_input_transcribed", self._on_transcribed)
        session.on("agent_state_changed", self._on_agent_state)
        session.on("conversation_item_added", self._on_item)
        session.on("agent_false_interruption", self._on_false_interruption)
        session.on("error", self._on_error)

    def report_text(self, text: str, answer: SpeechHandle) -> None:
        """Report the whole text of an answer when it begins to sound.

        An answer may be generated while another one is spoken, and may be cancelled before it sounds.
        """
        if text := text.strip():
            self._pending_texts.append((text, answer))
            self._report_sounding_texts()

    def _on_user_state(self, event: UserStateChangedEvent) -> None:
        if event.new_state == "speaking":
            self._report_and_publish("user.speak_started")
        elif event.old_state == "speaking":
            self._report_and_publish("user.speak_ended")

    def _on_transcribed(self, event: UserInputTranscribedEvent) -> None:
        if event.transcript.strip():
            kind = "user.transcription" if event.is_final else "user.transcription.chunk"
            self._site.report(kind, {"text": event.transcript.strip()})

    def _on_agent_state(self, event: AgentStateChangedEvent) -> None:
        self._site.set_state(event.new_state)
        if event.new_state == "speaking":
            self._report_and_publish("avatar.speak_started")
            self._report_sounding_texts()
        elif event.old_state == "speaking":
            self._report_and_publish("avatar.speak_ended")

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        item = event.item
        if not isinstance(item, ChatMessage):
            return  # a hand-off between agents
        figures = {name: value for name, value in item.metrics.items() if name in LATENCY_FIGURES}
        if item.role == "user":
            self._question_seconds = figures
        elif item.role == "assistant":
            seconds, self._question_seconds = {**self._question_seconds, **figures}, {}
            self._site.report(
                "agent.answered",
                {"heard": item.text_content or "", "interrupted": item.interrupted, "seconds": seconds},
            )

    def _on_false_interruption(self, event: AgentFalseInterruptionEvent) -> None:
        self._site.report("agent.false_interruption", {"resumed": event.resumed})

    def _on_error(self, event: ErrorEvent) -> None:
        # Not the error's text: a provider may repeat a key or the user's words in it.
        error = getattr(event.error, "error", event.error)
        self._site.report(
            "agent.error",
            {
                "source": type(event.source).__name__,
                "kind": type(error).__name__,
                "recoverable": bool(getattr(event.error, "recoverable", False)),
            },
        )

    def _report_sounding_texts(self) -> None:
        if self._session is None or self._session.agent_state != "speaking":
            return
        sounding = self._session.current_speech
        for text, answer in self._pending_texts:
            if answer is sounding:
                self._site.report("avatar.transcription", {"text": text})
        self._pending_texts = [
            (text, answer)
            for text, answer in self._pending_texts
            if answer is not sounding and not answer.done()
        ]

    def _report_and_publish(self, kind: str) -> None:
        self._site.report(kind)
        self._publish(kind)
