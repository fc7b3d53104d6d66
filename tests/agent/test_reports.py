"""The agent's reports to the site, in FULL mode's words and kept until they are stored; and commands to the agent."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from livekit import rtc
from livekit.agents import (
    AgentStateChangedEvent,
    ConversationItemAddedEvent,
    ErrorEvent,
    UserInputTranscribedEvent,
    UserStateChangedEvent,
)
from livekit.agents.llm import AgentHandoff, ChatMessage, LLMError
from livekit.agents.voice.events import AgentFalseInterruptionEvent

from agent.conversation.commands import Command, parse_packet, read_command
from agent.conversation.session_reporter import SessionReporter
from agent.pipeline.brain_llm import BrainLLM
from agent.site.outbox import Outbox
from sessions_app.events.frames import MAX_FRAME, parse_events, parse_frame
from voice.answering.offline_brain import OfflineBrain


class Reports:
    def __init__(self) -> None:
        self.events: list[tuple[str, Mapping[str, Any]]] = []
        self.state = ""

    def report(self, kind: str, payload: Mapping[str, Any] | None = None) -> None:
        self.events.append((kind, payload or {}))

    def set_state(self, state: str) -> None:
        self.state = state


def user(old: Any, new: Any) -> UserStateChangedEvent:
    return UserStateChangedEvent(old_state=old, new_state=new)


def avatar(old: Any, new: Any) -> AgentStateChangedEvent:
    return AgentStateChangedEvent(old_state=old, new_state=new)


def item(role: Any, text: str, **members: Any) -> ConversationItemAddedEvent:
    return ConversationItemAddedEvent(item=ChatMessage(role=role, content=[text], **members))


METRICS = {"e2e_latency": 0.6, "started_speaking_at": 1795190033.9}
ANSWERED = {"heard": "We open", "interrupted": True, "seconds": {"e2e_latency": 0.6}}
LLM_ERROR = LLMError(
    timestamp=0.0, label="x", error=RuntimeError("key sk-secret is wrong"), recoverable=False
)


@pytest.mark.parametrize(
    ("name", "event", "reported"),
    [
        ("user_state_changed", user("listening", "speaking"), [("user.speak_started", {})]),
        ("user_state_changed", user("speaking", "listening"), [("user.speak_ended", {})]),
        ("user_state_changed", user("listening", "away"), []),
        ("agent_state_changed", avatar("thinking", "speaking"), [("avatar.speak_started", {})]),
        ("agent_state_changed", avatar("speaking", "listening"), [("avatar.speak_ended", {})]),
        ("agent_state_changed", avatar("listening", "thinking"), []),
        (
            "user_input_transcribed",
            UserInputTranscribedEvent(transcript=" When do", is_final=False),
            [("user.transcription.chunk", {"text": "When do"})],
        ),
        (
            "user_input_transcribed",
            UserInputTranscribedEvent(transcript="When do you open?", is_final=True),
            [("user.transcription", {"text": "When do you open?"})],
        ),
        ("user_input_transcribed", UserInputTranscribedEvent(transcript=" ", is_final=True), []),
        (
            "conversation_item_added",
            item("assistant", "We open", interrupted=True, metrics=METRICS),
            [("agent.answered", ANSWERED)],
        ),
        ("conversation_item_added", item("user", "When do you open?"), []),
        ("conversation_item_added", ConversationItemAddedEvent(item=AgentHandoff(new_agent_id="b")), []),
        (
            "agent_false_interruption",
            AgentFalseInterruptionEvent(resumed=True),
            [("agent.false_interruption", {"resumed": True})],
        ),
        (
            "error",
            ErrorEvent(error=LLM_ERROR, source=BrainLLM(OfflineBrain(name="W", prompt=""))),
            [("agent.error", {"source": "BrainLLM", "kind": "RuntimeError", "recoverable": False})],
        ),
    ],
)
def test_an_event_of_the_framework_is_reported_in_the_words_of_full_mode(
    name: str, event: Any, reported: list[tuple[str, Mapping[str, Any]]]
) -> None:
    reports, session = Reports(), rtc.EventEmitter[str]()
    published: list[str] = []
    SessionReporter(reports, published.append).follow_session(session)  # type: ignore[arg-type]

    session.emit(name, event)

    assert reports.events == reported
    assert published == [kind for kind, _ in reported if kind.split(".")[1].startswith("speak_")]


def test_the_latency_of_a_question_is_reported_with_its_answer_only() -> None:
    reports, session = Reports(), rtc.EventEmitter[str]()
    SessionReporter(reports, lambda _: None).follow_session(session)  # type: ignore[arg-type]

    session.emit("conversation_item_added", item("user", "Why?", metrics={"end_of_turn_delay": 0.4}))
    for text in ("Because.", "Anything else?"):
        session.emit("conversation_item_added", item("assistant", text, metrics=METRICS))

    seconds = [answered["seconds"] for _, answered in reports.events]
    assert seconds == [{"end_of_turn_delay": 0.4, "e2e_latency": 0.6}, {"e2e_latency": 0.6}]


@pytest.mark.parametrize(
    ("packet", "command"),
    [
        (b'{"event_type": "avatar.speak_text", "text": " Hello "}', Command("avatar.speak_text", "Hello")),
        (
            b'{"event_type": "avatar.speak_response", "text": "Why?"}',
            Command("avatar.speak_response", "Why?"),
        ),
        (b'{"event_type": "avatar.interrupt"}', Command("avatar.interrupt")),
        (b'{"event_type": "avatar.start_listening"}', Command("avatar.start_listening")),
        (b'{"event_type": "avatar.stop_listening"}', Command("avatar.stop_listening")),
        (b'{"event_type": "avatar.test_tone"}', Command("avatar.test_tone")),
        (b'{"event_type": "avatar.speak_text", "text": ""}', None),
        (b'{"event_type": "avatar.speak_text", "text": 7}', None),
        (b'{"event_type": "avatar.speak_text"}', None),
        (json.dumps({"event_type": "avatar.speak_text", "text": "a" * 5001}).encode(), None),
        (b'{"event_type": "avatar.speak_audio"}', None),
        (b'{"event_type": ["avatar.interrupt"]}', None),
        (b"[]", None),
        (b"\xff\xfe", None),
        (b"[" * 50_000, None),
    ],
)
def test_a_data_packet_is_a_valid_command_or_ignored(packet: bytes, command: Command | None) -> None:
    assert parse_packet(packet) == command


def test_a_frame_of_the_site_without_a_command_is_ignored() -> None:
    assert read_command(None) is None


def delivered(outbox: Outbox) -> list[dict[str, Any]]:
    """All that is sent over one connection, as the site reads it."""
    events = []
    while frame := outbox.next_frame():
        assert len(frame.encode()) <= MAX_FRAME
        parsed, refused = parse_events(parse_frame(frame))
        assert refused == []
        events += [{"seq": event.seq, "type": event.type, **event.payload} for event in parsed]
    return events


@given(
    texts=st.lists(
        st.sampled_from(["a", "é", "語", "😀", '"', "\0"]).flatmap(
            lambda letter: st.integers(0, 20_000).map(lambda times: letter * times)
        ),
        max_size=12,
    )
)
def test_the_site_can_read_every_text(texts: list[str]) -> None:
    outbox = Outbox()
    for text in texts:
        outbox.put("user.transcription", {"text": text, "n": 1})

    events = delivered(outbox)

    assert [event["seq"] for event in events] == list(range(1, len(texts) + 1))
    assert len(outbox) == len(texts)


def test_only_unacknowledged_events_are_sent_again_over_the_next_connection() -> None:
    outbox = Outbox()
    for number in range(60):
        outbox.put("agent.note", {"number": number})
    outbox.resend_after(0)
    assert len(delivered(outbox)) == 60

    outbox.acknowledge(20)
    outbox.resend_after(30)
    again = delivered(outbox)

    assert [event["seq"] for event in again] == list(range(31, 61))
    outbox.acknowledge(60)
    assert (len(outbox), outbox.next_frame()) == (0, None)
