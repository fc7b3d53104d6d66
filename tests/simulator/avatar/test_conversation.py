"""Commands in, events out: the conversation with a scripted voice and no room."""

import asyncio
from collections import Counter

import pytest

from rigs.avatar.talk_rig import Talk
from simulator.avatar.conversation import LONGEST_QUEUE
from simulator.avatar.lips import REST
from simulator.avatar.motion import Mood
from voice.answering.offline_brain import OfflineBrain

pytestmark = pytest.mark.virtual_time

BRAIN = OfflineBrain(name="Ava", prompt="We open at nine. Parking: behind the house. It is free.")


@pytest.fixture(params=[{}])
async def stage(request):
    stage = Talk(**{"brain": BRAIN} | request.param)
    running = asyncio.create_task(stage.run())
    yield stage
    running.cancel()
    await asyncio.wait({running})


restricted = pytest.mark.parametrize("stage", [{"brain": None}], indirect=True)
push_to_talk = pytest.mark.parametrize("stage", [{"push_to_talk": True}], indirect=True)


async def test_an_utterance_is_started_captioned_word_by_word_transcribed_and_ended(stage):
    stage.order("avatar.speak_text", "Hello there. How are you?", "cmd-1")
    await stage.until("avatar.speak_ended")

    assert stage.kinds == [
        "avatar.speak_started",
        *["avatar.transcription.chunk"] * 5,
        "avatar.transcription",
        "avatar.speak_ended",
    ]
    assert "".join(stage.texts("avatar.transcription.chunk")) == "Hello there. How are you?"
    assert stage.texts("avatar.transcription") == ["Hello there. How are you?"]
    assert stage.said == [("avatar", "Hello there. How are you?")]


async def test_every_event_names_itself_its_session_and_its_command(stage):
    stage.order("avatar.speak_text", "Hi.", "cmd-1")
    stage.order("avatar.speak_text", "Ho.")
    await stage.until("avatar.speak_ended", "avatar.speak_ended")

    assert len({event["event_id"] for event in stage.events}) == len(stage.events)
    assert {event["session_id"] for event in stage.events} == {"session-1"}
    half = len(stage.events) // 2
    assert [event["source_event_id"] for event in stage.events] == ["cmd-1"] * half + [None] * half


async def test_queued_commands_are_spoken_in_order_one_after_the_other(stage):
    for number in ("one", "two", "three"):
        stage.order("avatar.speak_text", number)
    await stage.until(*["avatar.speak_ended"] * 3)

    assert stage.texts("avatar.transcription") == ["one", "two", "three"]
    assert [kind.rpartition("_")[2] for kind in stage.kinds if "speak" in kind] == ["started", "ended"] * 3


async def test_an_interrupt_silences_at_once_and_drops_what_was_queued(stage):
    stage.order("avatar.speak_text", "one two three four five six seven eight nine ten", "long")
    stage.order("avatar.speak_text", "never")
    await stage.until(*["avatar.transcription.chunk"] * 3)
    stage.order("avatar.interrupt")

    assert stage.playback.mouth() == REST
    await stage.until("avatar.speak_ended")
    stage.order("avatar.speak_text", "next")
    await stage.until("avatar.speak_ended", "avatar.speak_ended")
    assert "never" not in "".join(stage.texts("avatar.transcription.chunk"))
    assert stage.texts("avatar.transcription")[-1] == "next"


async def test_the_transcription_of_an_interrupted_utterance_is_what_was_heard(stage):
    stage.order("avatar.speak_text", "one two three four five six seven eight nine ten", "long")
    await stage.until(*["avatar.transcription.chunk"] * 3)
    stage.order("avatar.interrupt")
    await stage.until("avatar.speak_ended")

    heard = "".join(stage.texts("avatar.transcription.chunk")).strip()
    assert heard.startswith("one two three")
    assert "ten" not in heard
    assert stage.texts("avatar.transcription") == [heard]
    assert stage.said == [("avatar", heard)]
    assert [event["source_event_id"] for event in stage.events[-2:]] == ["long", "long"]
    assert stage.kinds[-2:] == ["avatar.transcription", "avatar.speak_ended"]


async def test_an_interrupt_of_silence_has_no_effect(stage):
    stage.order("avatar.interrupt")
    stage.order("avatar.speak_text", "Hi.")
    await stage.until("avatar.speak_ended")

    assert stage.kinds[0] == "avatar.speak_started"


async def test_a_question_is_answered_from_the_context_in_one_utterance(stage):
    stage.order("avatar.speak_response", "when do you open", "q")
    await stage.until("avatar.speak_ended")

    assert stage.texts("avatar.transcription") == ["We open at nine."]
    assert Counter(stage.kinds)["avatar.speak_started"] == 1
    assert stage.said == [("user", "when do you open"), ("avatar", "We open at nine.")]


@restricted
async def test_without_a_context_nothing_is_answered_but_text_is_spoken(stage):
    stage.order("avatar.speak_response", "when do you open")
    stage.order("avatar.speak_text", "Hi.")
    await stage.until("avatar.speak_ended")

    assert stage.texts("avatar.transcription") == ["Hi."]
    assert stage.said == [("avatar", "Hi.")]


async def test_a_sender_far_ahead_loses_commands_not_the_avatar(stage):
    for number in range(LONGEST_QUEUE + 10):
        stage.order("avatar.speak_text", str(number))
    stage.order("avatar.interrupt")
    stage.order("avatar.speak_text", "still here")
    await stage.until("avatar.speak_ended")

    assert stage.texts("avatar.transcription") == ["still here"]


async def test_the_mood_follows_the_commands(stage):
    moods = [stage.talk.mood]
    stage.order("avatar.start_listening")
    moods.append(stage.talk.mood)
    stage.order("avatar.speak_text", "one two three")
    await stage.until("avatar.speak_started")
    moods.append(stage.talk.mood)
    await stage.until("avatar.speak_ended")
    moods.append(stage.talk.mood)
    stage.order("avatar.stop_listening")
    moods.append(stage.talk.mood)

    assert moods == [Mood.IDLE, Mood.LISTENING, Mood.SPEAKING, Mood.LISTENING, Mood.IDLE]


@push_to_talk
async def test_push_to_talk_opens_once_and_closes_once(stage):
    for kind in ("start", "start", "stop", "stop", "start"):
        stage.order(f"user.{kind}_push_to_talk", event_id=kind)
    await stage.until(*["user.push_to_talk_started"] * 2)

    assert [kind.removeprefix("user.push_to_talk_") for kind in stage.kinds] == [
        "started",
        "start_failed",
        "stopped",
        "stop_failed",
        "started",
    ]
    assert stage.events[0]["source_event_id"] == "start"
    assert stage.talk.mood is Mood.LISTENING


async def test_push_to_talk_fails_in_a_conversational_session(stage):
    stage.order("user.start_push_to_talk")
    stage.order("user.stop_push_to_talk")
    await stage.until("user.push_to_talk_stop_failed")

    assert stage.kinds == ["user.push_to_talk_start_failed", "user.push_to_talk_stop_failed"]


async def test_closing_ends_the_utterance_before_anything_else_is_announced(stage):
    stage.order("avatar.speak_text", "one two three four five six seven eight")
    await stage.until("avatar.speak_started")
    await stage.talk.close()
    await stage.until("avatar.speak_ended")

    assert stage.kinds[-1] == "avatar.speak_ended"
    assert stage.talk.mood is Mood.IDLE
