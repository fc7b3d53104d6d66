"""The whole avatar: its worker process in a real room, seen and heard by a real client."""

import json
import signal

import numpy as np
import psutil
import pytest
from livekit import api

from rigs.avatar.avatar_rig import AUDIBLE, CONTEXT, FRAME, SESSION, avatar_rig
from rigs.rooms.room_rig import EVERY_SERVER, PATIENCE, embedded_only, room_rig, until
from voice.speaking.espeak_speaker import EspeakSpeaker
from voice.speaking.speaker import Voice

pytestmark = pytest.mark.rooms

LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
# Seconds of sound that may be on its way to the viewer when an interrupt clears the avatar's queue, and by which a
# receiver's jitter buffer may lengthen sound.
ON_ITS_WAY = 0.5
QUIET = {"context": CONTEXT | {"opening_text": None}}
whatever_the_server = embedded_only("it tests the process, not the room", fixture="rooms")


@pytest.fixture(params=EVERY_SERVER)
async def rooms(request):
    async with room_rig(request.param) as rooms:
        yield rooms


@pytest.fixture
async def rig(rooms):
    async with avatar_rig(rooms) as rig:
        yield rig


@pytest.mark.parametrize(
    ("quality", "encoding", "size"),
    [("low", "VP8", (640, 360)), ("medium", "VP8", (848, 480)), ("high", "H264", (1280, 720))],
)
async def test_a_viewer_sees_the_presenter_move(rig, quality, encoding, size):
    await rig.ready(quality=quality, encoding=encoding, **QUIET)
    viewer = await rig.viewer()
    await viewer.pictures_seen(40)

    assert viewer.size == size
    first, *others = [picture for _, picture in viewer.pictures[10:]]
    assert first.std() > 20
    assert any(np.abs(other.astype(int) - first).max() > 20 for other in others)


async def test_it_joins_as_the_two_participants_the_web_sdk_waits_for(rig, rooms):
    await rig.ready()

    async def tracks():
        answer = await rooms.service.list_participants(api.ListParticipantsRequest(room=rooms.room))
        return {person.identity: list(person.tracks) for person in answer.participants}

    async def both_flow():  # a server lists a track when its media arrive, after "ready"
        return len((await tracks())["heygen"]) == 2

    await until(both_flow)
    present = await tracks()
    assert present.keys() == {"heygen", f"liveavatar-agent-{SESSION}"}
    assert {track.stream for track in present["heygen"]} == {"avatar"}
    assert not present[f"liveavatar-agent-{SESSION}"]


async def test_the_opening_text_is_spoken_once_and_not_again_after_a_reload(rig):
    worker = await rig.ready()
    first = await rig.viewer("client-1")
    await first.event("avatar.speak_ended")
    await worker.report("user_joined", identity="client-1")
    await first.room.disconnect()
    await worker.report("user_left", identity="client-1")
    second = await rig.viewer("client-2")
    await second.send(event_type="avatar.speak_text", event_id="after", text="After.")
    await second.event("avatar.speak_ended", source_event_id="after")

    assert [event["text"] for event in first.events if event["event_type"] == "avatar.transcription"] == [
        "Hello Bob."
    ]
    assert {event["source_event_id"] for event in second.events} == {"after"}


async def test_speech_is_heard_while_its_words_are_told(rig):
    worker = await rig.ready(**QUIET)
    viewer = await rig.viewer()
    await viewer.send(event_type="avatar.speak_text", event_id="1", text=LONG)
    await viewer.sound()
    told_by_then = viewer.kinds("1")
    await viewer.event("avatar.speak_ended")

    assert "avatar.speak_ended" not in told_by_then
    assert viewer.kinds("1") == [
        "avatar.speak_started",
        *["avatar.transcription.chunk"] * 16,
        "avatar.transcription",
        "avatar.speak_ended",
    ]
    chunks = [event["text"] for event in viewer.events if event["event_type"] == "avatar.transcription.chunk"]
    assert [chunk.strip() for chunk in chunks] == LONG.split()
    assert {event["session_id"] for event in viewer.events} == {SESSION}
    await worker.report("transcript", role="avatar", text=LONG)


async def seconds_of(text: str) -> float:
    """Return how long the avatar's voice needs for `text`."""
    speaker = EspeakSpeaker()
    try:
        return (await speaker.synthesize(text, Voice("en-us+f3", 220, 50))).seconds
    finally:
        await speaker.close()


async def test_after_an_interrupt_no_more_is_heard_than_transcribed(rig):
    await rig.ready(**QUIET)
    viewer = await rig.viewer()
    await viewer.send(event_type="avatar.speak_text", event_id="1", text=LONG)
    await viewer.sound()
    await viewer.event("avatar.transcription.chunk", text="four ")
    await viewer.send(event_type="avatar.interrupt")
    told = (await viewer.event("avatar.transcription", source_event_id="1"))["text"]
    await viewer.event("avatar.speak_ended", source_event_id="1")
    silent_at = await viewer.silence(since=viewer.sounds[-1][0])
    heard = FRAME * sum(loud > AUDIBLE for _, loud in viewer.sounds)
    await viewer.send(event_type="avatar.speak_text", event_id="2", text="Yes.")
    await viewer.sound(since=silent_at)

    assert told.startswith("one two three four")
    assert "sixteen" not in told
    assert heard < await seconds_of(told) + ON_ITS_WAY


async def test_questions_are_answered_and_both_sides_reported(rig):
    worker = await rig.ready(**QUIET)
    viewer = await rig.viewer()
    await viewer.send(event_type="avatar.speak_response", event_id="q", text="can I bring my dog")
    spoken = await viewer.event("avatar.transcription")
    await viewer.event("avatar.speak_ended")

    assert (spoken["text"], spoken["source_event_id"]) == ("Dogs are welcome.", "q")
    await worker.report("activity")
    await worker.report("transcript", role="user", text="can I bring my dog")
    await worker.report("transcript", role="avatar", text="Dogs are welcome.")


@whatever_the_server
async def test_unknown_and_broken_commands_are_answered_with_silence(rig):
    await rig.ready(context=None)
    viewer = await rig.viewer()
    for packet in (b"\xff", b"{}", b"[]", json.dumps({"event_type": "avatar.fly", "event_id": "x"}).encode()):
        await viewer.send(packet)
    await viewer.send(event_type="avatar.speak_response", event_id="unanswered", text="hello")
    await viewer.send(event_type="avatar.speak_text", event_id="good", text="Good.")
    await viewer.event("avatar.speak_ended")

    assert {event["source_event_id"] for event in viewer.events} == {"good"}


@whatever_the_server
async def test_push_to_talk_is_acknowledged_in_a_push_to_talk_session(rig):
    await rig.ready(interactivity_type="PUSH_TO_TALK", **QUIET)
    viewer = await rig.viewer()
    for kind in ("start", "start", "stop", "stop"):
        await viewer.send(event_type=f"user.{kind}_push_to_talk")
    await viewer.event("user.push_to_talk_stop_failed")

    assert viewer.kinds(None) == [
        "user.push_to_talk_started",
        "user.push_to_talk_start_failed",
        "user.push_to_talk_stopped",
        "user.push_to_talk_stop_failed",
    ]


async def test_a_stop_is_announced_and_leaves_nothing_behind(rig, rooms):
    worker = await rig.ready(**QUIET)
    viewer = await rig.viewer()
    await viewer.send(event_type="avatar.speak_text", text=LONG)
    await viewer.event("avatar.speak_started")
    family = worker.family()
    await worker.order(do="stop", reason="MAX_DURATION_REACHED")
    code = await worker.exited()

    assert code == 0
    stopped = await viewer.event("session.stopped")
    assert stopped["end_reason"] == stopped["stop_reason"] == "MAX_DURATION_REACHED"
    kinds = [event["event_type"] for event in viewer.events]
    assert kinds[-2:] == ["avatar.speak_ended", "session.stopped"]
    assert len(family) == 2
    _, alive = psutil.wait_procs(family, timeout=PATIENCE)
    assert not alive
    assert await rooms.inside() == ["client-1"]


@whatever_the_server
@pytest.mark.parametrize("ending", ["end of input", "SIGTERM"])
async def test_it_ends_with_its_parent(rig, ending):
    worker = await rig.ready(**QUIET)
    family = worker.family()
    if ending == "SIGTERM":
        worker.process.send_signal(signal.SIGTERM)
    else:
        worker.process.stdin.close()
    code = await worker.exited()

    assert code == (128 + signal.SIGTERM if ending == "SIGTERM" else 0)
    _, alive = psutil.wait_procs(family, timeout=PATIENCE)
    assert not alive


@whatever_the_server
async def test_a_killed_worker_leaves_no_speech_process(rig):
    worker = await rig.ready(**QUIET)
    family = worker.family()
    worker.process.kill()
    await worker.exited()

    _, alive = psutil.wait_procs(family, timeout=PATIENCE)
    assert not alive


@whatever_the_server
async def test_an_unused_standby_process_ends_with_its_parent(rig):
    worker = await rig.warm()
    worker.process.stdin.close()

    assert await worker.exited() == 0


@pytest.mark.parametrize("place", ["avatar_token", "livekit_url"])
async def test_a_room_that_cannot_be_joined_is_reported_without_the_token(rig, place):
    worker = await rig.started(
        **{place: {"avatar_token": "a.secret.token", "livekit_url": "ws://127.0.0.1:9"}[place]}
    )
    report = await worker.report("failed")

    assert "could not join the room" in report["why"]
    assert "secret" not in report["why"]
    assert await worker.exited() == 1


async def test_a_room_that_is_deleted_is_reported(rig, rooms):
    worker = await rig.ready(**QUIET)
    await rooms.service.delete_room(api.DeleteRoomRequest(room=rooms.room))
    report = await worker.report("failed")

    assert "ROOM_DELETED" in report["why"]
    assert await worker.exited() == 1


@whatever_the_server
async def test_an_unknown_order_ends_the_process(rig):
    worker = await rig.warm()
    await worker.order(do="dance")
    await worker.report("failed")

    assert await worker.exited() == 1
