"""The push-to-talk window (LiveAvatar docs), with a scripted recogniser and voice and without a room."""

import asyncio

import pytest

from rigs.avatar.talk_rig import Parrot, Talk
from simulator.avatar.motion import Mood

pytestmark = pytest.mark.virtual_time

LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
ANSWER = ["avatar.speak_started", "avatar.transcription", "avatar.speak_ended"]


@pytest.fixture
async def talk():
    talk = Talk(Parrot(), push_to_talk=True)
    running = asyncio.create_task(talk.run())
    yield talk
    running.cancel()
    await asyncio.wait({running})


async def test_outside_the_window_nothing_is_heard(talk):
    talk.user("hello there |")
    talk.order("user.start_push_to_talk")
    talk.order("user.stop_push_to_talk")
    await talk.until("user.push_to_talk_stopped")

    assert talk.kinds == ["user.push_to_talk_started", "user.push_to_talk_stopped"]
    assert talk.detector.guarded == []


async def test_all_speech_in_the_window_is_one_utterance(talk):
    talk.order("user.start_push_to_talk")
    talk.user("when do | you open | | on sunday")
    talk.order("user.stop_push_to_talk")
    talk.user("morning |")  # said before the stop, heard after it
    await talk.until("avatar.speak_ended")

    kinds = [kind for kind in talk.kinds if "chunk" not in kind]
    assert sorted(kinds[:4]) == [
        "user.push_to_talk_started",
        "user.push_to_talk_stopped",
        "user.speak_ended",
        "user.speak_started",
    ]
    assert kinds.index("user.push_to_talk_stopped") < kinds.index("user.speak_ended")
    assert kinds[4:] == ["user.transcription", *ANSWER]
    assert talk.texts("user.transcription") == ["when do you open on sunday morning"]


async def test_a_window_without_speech_is_not_answered(talk):
    talk.order("user.start_push_to_talk")
    talk.user("| |")
    talk.order("user.stop_push_to_talk")
    talk.order("user.start_push_to_talk")
    talk.order("avatar.speak_text", "Hi.")
    await talk.until("avatar.speak_ended")

    assert not [kind for kind in talk.kinds if kind.startswith(("user.speak", "user.trans"))]


async def test_opening_the_window_silences_the_avatar(talk):
    talk.order("avatar.speak_text", LONG)
    await talk.until(*["avatar.transcription.chunk"] * 3)
    talk.order("user.start_push_to_talk")
    await talk.until("avatar.speak_ended")

    assert "sixteen" not in talk.texts("avatar.transcription")[0]
    assert talk.talk.mood is Mood.LISTENING


async def test_a_lost_microphone_leaves_the_window_open(talk):
    talk.order("user.start_push_to_talk")
    talk.user("when do")
    talk.listening.microphone_lost()
    talk.user("you open")
    talk.order("user.stop_push_to_talk")
    await talk.until("avatar.speak_ended")

    assert talk.texts("user.transcription") == ["when do you open"]


async def test_a_window_reopened_at_once_begins_a_new_utterance(talk):
    for words in ("one", "two"):
        talk.order("user.start_push_to_talk")
        talk.user(words)
        talk.order("user.stop_push_to_talk")
    await talk.until(*["user.transcription"] * 2)

    assert talk.texts("user.transcription") == ["one", "two"]


async def test_an_utterance_interrupted_by_a_new_window_is_shown_but_not_answered(talk):
    talk.recognizer.gate.clear()
    talk.order("user.start_push_to_talk")
    talk.user("never mind")
    talk.order("user.stop_push_to_talk")
    await talk.until("user.speak_ended")
    talk.order("user.start_push_to_talk")
    talk.recognizer.gate.set()
    talk.user("hello")
    talk.order("user.stop_push_to_talk")
    await talk.until("avatar.speak_ended")

    assert talk.texts("user.transcription") == ["never mind", "hello"]
    assert talk.texts("avatar.transcription") == ["hello. Really."]
