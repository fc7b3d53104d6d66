"""Events and answers to spoken words, with a scripted recogniser and voice and without a room."""

import asyncio
import uuid

import pytest

from rigs.avatar.talk_rig import Parrot, Talk
from simulator.avatar import listening
from simulator.avatar.conversation import SAME_THOUGHT, SORRY
from simulator.avatar.motion import Mood

pytestmark = pytest.mark.virtual_time

LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"


@pytest.fixture
def brain():
    return Parrot()


@pytest.fixture
async def talk(request, brain):
    talk = Talk(**{"brain": brain} | getattr(request, "param", {}))
    running = asyncio.create_task(talk.run())
    yield talk
    running.cancel()
    await asyncio.wait({running})


# LiveAvatar docs, full-mode events: the members of each event beside its envelope.
ENVELOPE = {"event_id", "event_type", "session_id", "source_event_id"}
MEMBERS = {
    "user.speak_started": set(),
    "user.speak_ended": set(),
    "user.transcription.chunk": {"text"},
    "user.transcription": {"text"},
    "avatar.speak_started": set(),
    "avatar.speak_ended": set(),
    "avatar.transcription.chunk": {"text"},
    "avatar.transcription": {"text"},
}

restricted = pytest.mark.parametrize("talk", [{"brain": None}], indirect=True)


async def test_a_spoken_question_is_transcribed_and_answered(talk):
    talk.user("when do you open |")
    await talk.until("avatar.speak_ended")

    assert talk.kinds == [
        "user.speak_started",
        "user.speak_ended",
        *["user.transcription.chunk"] * 4,
        "user.transcription",
        "avatar.speak_started",
        *["avatar.transcription.chunk"] * 5,
        "avatar.transcription",
        "avatar.speak_ended",
    ]
    assert {event["source_event_id"] for event in talk.events} == {None}
    assert talk.said == [("user", "when do you open"), ("avatar", "when do you open. Really.")]


@pytest.mark.parametrize("kind", MEMBERS)
async def test_every_event_of_a_turn_has_the_documented_members(talk, kind):
    talk.user("hello |")
    await talk.until("avatar.speak_ended")

    events = [event for event in talk.events if event["event_type"] == kind]
    assert events
    assert all(event.keys() == ENVELOPE | MEMBERS[kind] for event in events)
    assert all(uuid.UUID(event["event_id"]) for event in events)


async def test_every_chunk_is_the_whole_utterance_so_far(talk):
    talk.user("when do you open |")
    await talk.until("user.transcription")

    assert talk.texts("user.transcription.chunk") == ["when", "when do", "when do you", "when do you open"]
    assert talk.texts("user.transcription") == ["when do you open"]


async def test_a_chunk_that_says_nothing_new_is_not_sent(talk):
    talk.user("cough cough hello cough")
    talk.user("there |")
    await talk.until("user.transcription")

    assert talk.texts("user.transcription.chunk") == ["hello", "hello there"]


async def test_speech_silences_the_avatar_and_is_answered_afterwards(talk):
    talk.order("avatar.speak_text", LONG, "long")
    talk.order("avatar.speak_text", "never")
    await talk.until(*["avatar.transcription.chunk"] * 3)
    talk.user("stop")
    await talk.until("avatar.speak_ended")
    talk.user("please |")
    await talk.until(*["avatar.speak_ended"] * 2)

    cut = talk.kinds.index("user.speak_started")
    assert [kind for kind in talk.kinds[cut:] if "chunk" not in kind][:3] == [
        "user.speak_started",
        "avatar.transcription",
        "avatar.speak_ended",
    ]
    assert "sixteen" not in talk.texts("avatar.transcription")[0]
    assert talk.texts("avatar.transcription")[1] == "stop please. Really."


async def test_the_request_of_an_interrupted_answer_is_ended(talk, brain):
    brain.gate.clear()
    talk.user("tell me everything |")
    await talk.until("user.transcription")
    await brain.thinking.wait()
    talk.order("avatar.interrupt")
    talk.order("avatar.speak_text", "Fine.")
    await talk.until("avatar.speak_ended")

    assert brain.ended == ["tell me everything"]
    assert talk.texts("avatar.transcription") == ["Fine."]


async def test_a_question_continued_after_a_breath_is_answered_once(talk, brain):
    brain.gate.clear()
    talk.user("when do you open |")
    await talk.until("user.transcription")
    talk.user("on sunday |")
    await talk.until(*["user.transcription"] * 2)
    brain.gate.set()
    await talk.until("avatar.speak_ended")

    assert talk.texts("user.transcription") == ["when do you open", "on sunday"]
    assert talk.texts("avatar.transcription") == ["when do you open on sunday. Really."]
    assert brain.remembered[0] == ("user", "when do you open on sunday")


async def test_a_question_continued_during_recognition_is_answered_once(talk):
    talk.recognizer.gate.clear()
    talk.user("when do you open | on sunday")
    talk.recognizer.gate.set()
    await talk.until("user.transcription")
    talk.user("morning |")
    await talk.until("avatar.speak_ended")

    assert talk.texts("avatar.transcription") == ["when do you open on sunday morning. Really."]


async def test_a_question_is_answered_even_after_a_cough(talk, brain):
    brain.gate.clear()
    talk.user("when do you open |")
    await talk.until("user.transcription")
    talk.user("cough |")
    brain.gate.set()
    await talk.until("avatar.speak_ended")

    assert talk.texts("user.transcription") == ["when do you open"]
    assert talk.texts("avatar.transcription") == ["when do you open. Really."]


async def test_a_new_question_during_an_answer_is_answered_alone(talk, brain, monkeypatch):
    monkeypatch.setattr("simulator.avatar.conversation.SAME_THOUGHT", 0.0)
    talk.user(f"{LONG} |")
    await talk.until(*["avatar.transcription.chunk"] * 3)
    talk.user("and on sunday |")
    await talk.until(*["avatar.speak_ended"] * 2)

    assert brain.asked == [LONG, "and on sunday"]
    assert SAME_THOUGHT > 0


async def test_the_history_is_what_was_said_and_heard(talk, brain):
    talk.order("avatar.speak_text", "Welcome.")
    await talk.until("avatar.speak_ended")
    talk.order("avatar.speak_response", "typed")
    await talk.until(*["avatar.speak_ended"] * 2)
    talk.user("spoken |")
    await talk.until(*["avatar.speak_ended"] * 3)

    assert brain.remembered == [
        ("assistant", "Welcome."),
        ("user", "typed"),
        ("assistant", "typed. Really."),
        ("user", "spoken"),
        ("assistant", "spoken. Really."),
    ]


async def test_the_heard_part_of_an_interrupted_answer_is_remembered(talk, brain):
    talk.user(f"{LONG} |")
    await talk.until(*["avatar.transcription.chunk"] * 3)
    talk.order("avatar.interrupt")
    await talk.until("avatar.speak_ended")

    role, heard = brain.remembered[1]
    assert role == "assistant"
    assert heard.startswith("one two three")
    assert "sixteen" not in heard


async def test_the_avatar_apologises_once_in_a_row(talk):
    talk.user("cough |")
    await talk.until("avatar.speak_ended")
    talk.user("cough | hello |")
    await talk.until(*["avatar.speak_ended"] * 2)
    talk.user("cough |")
    await talk.until(*["avatar.speak_ended"] * 3)

    assert talk.texts("avatar.transcription") == [SORRY, "hello. Really.", SORRY]
    assert talk.texts("user.transcription") == ["hello"]
    assert talk.said.count(("avatar", SORRY)) == 2


async def test_interim_text_is_taken_back_if_the_final_text_is_empty(talk):
    talk.user("hello cough |")
    await talk.until("avatar.speak_ended")

    assert talk.texts("user.transcription") == [""]
    assert talk.said == [("avatar", SORRY)]


async def test_an_interrupt_during_recognition_leaves_the_utterance_unanswered(talk, brain):
    talk.recognizer.gate.clear()
    talk.user("never mind |")
    await talk.until("user.speak_ended")
    talk.order("avatar.interrupt")
    talk.recognizer.gate.set()
    await talk.until("user.transcription")
    talk.user("hello |")
    await talk.until("avatar.speak_ended")

    assert brain.asked == ["hello"]
    assert talk.texts("user.transcription") == ["never mind", "hello"]


@restricted
async def test_without_a_context_speech_is_transcribed_and_not_answered(talk):
    talk.user("when do you open | cough |")
    await talk.until(*["user.speak_ended"] * 2, "user.transcription")
    talk.order("avatar.speak_text", "Hi.")
    await talk.until("avatar.speak_ended")

    assert talk.said == [("user", "when do you open"), ("avatar", "Hi.")]
    assert talk.texts("avatar.transcription") == ["Hi."]


async def test_a_lost_microphone_ends_the_utterance(talk):
    talk.user("when do you open")
    talk.listening.microphone_lost()
    await talk.until("avatar.speak_ended")

    assert talk.texts("user.transcription") == ["when do you open"]


async def test_endless_speech_is_cut_into_utterances(talk, monkeypatch):
    monkeypatch.setattr(
        listening, "LONGEST", len("one two three".replace(" ", "")) / listening.BYTES_PER_SECOND
    )
    talk.user("one two three four |")
    await talk.until(*["user.transcription"] * 2)

    assert talk.texts("user.transcription") == ["one two three", "four"]
    assert [kind for kind in talk.kinds if kind.startswith("user.speak")] == [
        "user.speak_started",
        "user.speak_ended",
    ] * 2


async def test_every_recognition_is_over_in_the_end(talk):
    talk.user("one | two | three")
    await talk.until(*["user.transcription"] * 2)
    talk.listening.microphone_lost()
    await talk.until(*["user.transcription"] * 3)

    assert [recognition.over for recognition in talk.recognizer.recognitions] == [True] * 3


async def test_the_mood_follows_the_conversation(talk, brain):
    brain.gate.clear()
    moods = [talk.talk.mood]
    talk.user("hello")
    moods.append(talk.talk.mood)
    talk.user("|")
    moods.append(talk.talk.mood)
    await talk.until("user.transcription")
    brain.gate.set()
    await talk.until("avatar.speak_started")
    moods.append(talk.talk.mood)
    await talk.until("avatar.speak_ended")
    moods.append(talk.talk.mood)

    assert moods == [Mood.IDLE, Mood.LISTENING, Mood.THINKING, Mood.SPEAKING, Mood.IDLE]


async def test_the_microphone_is_guarded_while_the_avatar_can_be_heard(talk):
    talk.user("|")
    talk.order("avatar.speak_text", "one two three")
    await talk.until("avatar.speak_started")
    talk.user("|")
    await talk.until("avatar.speak_ended")
    talk.user("|")  # its echo is still on the way

    assert talk.detector.guarded == [False, True, True]


async def test_an_echo_begins_no_turn_and_the_words_after_it_do(talk):
    talk.user("(echo) (echo) hello |")
    await talk.until("user.transcription")

    assert talk.texts("user.transcription") == ["hello"]
    assert talk.kinds.count("user.speak_started") == 1


async def test_a_tone_guards_the_microphone_too(talk):
    talk.delivery.sound(bytes(4800))
    talk.user("|")

    assert talk.detector.guarded == [True]
