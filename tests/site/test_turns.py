"""Turns made of events, as the service sends them and as it might."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sessions_app.events.frames import Event
from sessions_app.events.turns import Conversation
from sessions_app.models import AvatarSession, Turn

START = datetime(2026, 1, 1, tzinfo=UTC)


def events(*steps: tuple[Any, ...]) -> list[Event]:
    """(direction, type, text) one second apart."""
    return [
        Event(number, kind, direction, START + timedelta(seconds=number), {"text": text[0]} if text else {})
        for number, (direction, kind, *text) in enumerate(steps, start=1)
    ]


def talk(*steps: tuple[Any, ...]) -> list[Turn]:
    conversation = Conversation(AvatarSession(), None, None)
    return conversation.take(events(*steps))


ANSWER = [
    ("in", "avatar.speak_started"),
    ("in", "avatar.transcription.chunk", "Hello"),
    ("in", "avatar.transcription.chunk", " there."),
]


@pytest.mark.parametrize(
    "steps",
    [
        [*ANSWER, ("in", "avatar.transcription", "Hello there."), ("in", "avatar.speak_ended")],
        [*ANSWER, ("in", "avatar.speak_ended"), ("in", "avatar.transcription", "Hello there.")],
        [
            ANSWER[0],
            ("in", "avatar.transcription", "Hello there."),
            *ANSWER[1:],
            ("in", "avatar.speak_ended"),
        ],
        [("in", "avatar.transcription", "Hello there."), *ANSWER, ("in", "avatar.speak_ended")],
    ],
    ids=["full text last", "full text after the end", "full text first", "full text before the speech"],
)
def test_the_avatar_says_a_thing_once_wherever_its_full_text_comes(steps: list[tuple[Any, ...]]) -> None:
    turns = talk(*steps)

    assert [(turn.role, turn.said, turn.heard, turn.interrupted) for turn in turns] == [
        ("avatar", "Hello there.", "Hello there.", False)
    ]
    assert turns[0].ended_at is not None


def test_a_spoken_question_grows_by_replacement_and_ends_with_its_final_text() -> None:
    turns = talk(
        ("in", "user.speak_started"),
        ("in", "user.transcription.chunk", "What"),
        ("in", "user.transcription.chunk", "What is"),
        ("in", "user.speak_ended"),
        ("in", "user.transcription", "What is this?"),
    )

    assert [(t.role, t.text, t.is_final, t.origin) for t in turns] == [
        ("user", "What is this?", True, "spoken")
    ]
    assert turns[0].ended_at == START + timedelta(seconds=4)


def test_a_typed_question_is_a_turn_of_the_visitor() -> None:
    turns = talk(("out", "avatar.speak_response", "What is this?"), *ANSWER)

    assert [(turn.role, turn.said, turn.origin) for turn in turns] == [
        ("user", "What is this?", "typed"),
        ("avatar", "Hello there.", "spoken"),
    ]


def test_text_to_be_said_exactly_is_no_turn_of_the_visitor() -> None:
    assert [turn.role for turn in talk(("out", "avatar.speak_text", "Hello there."), *ANSWER)] == ["avatar"]


@pytest.mark.parametrize(
    "cut", [("out", "avatar.interrupt"), ("in", "user.speak_started")], ids=["button", "voice"]
)
def test_an_interrupted_answer_keeps_what_was_heard_and_what_was_meant(cut: tuple[str, str]) -> None:
    turns = talk(
        *ANSWER[:2], cut, ("in", "avatar.transcription", "Hello there."), ("in", "avatar.speak_ended")
    )

    avatar = next(turn for turn in turns if turn.role == "avatar")
    assert (avatar.interrupted, avatar.said, avatar.text) == (True, "Hello", "Hello there.")


def test_an_interrupt_while_nobody_speaks_marks_nothing() -> None:
    turns = talk(*ANSWER, ("in", "avatar.speak_ended"), ("out", "avatar.interrupt"))

    assert [turn.interrupted for turn in turns] == [False]


def test_two_answers_are_two_turns() -> None:
    turns = talk(*ANSWER, ("in", "avatar.speak_ended"), *ANSWER, ("in", "avatar.speak_ended"))

    assert [turn.said for turn in turns] == ["Hello there.", "Hello there."]


def test_a_noise_without_words_makes_no_words() -> None:
    turns = talk(("in", "user.speak_started"), ("in", "user.speak_ended"))

    assert [turn.said for turn in turns] == [""]


def test_events_of_an_unknown_kind_and_texts_that_are_none_change_nothing() -> None:
    strange = Event(1, "user.transcription", "in", START, {"text": {"not": "a text"}})

    assert talk(("in", "avatar.winked"), ("page", "user.transcription", "x")) == []
    assert [turn.text for turn in Conversation(AvatarSession(), None, None).take([strange])] == [""]


def test_an_answer_whose_end_was_never_told_is_not_written_over_by_the_next_one() -> None:
    turns = talk(
        ("in", "avatar.transcription", "We open at nine."),
        ("in", "avatar.speak_started"),
        ("out", "avatar.speak_response", "Do you have tea?"),
        ("in", "avatar.transcription", "We have tea."),
        ("in", "avatar.transcription", "We have tea."),
    )

    assert [turn.said for turn in turns if turn.role == "avatar"] == ["We open at nine.", "We have tea."]
