"""The client of the media websocket, against a scripted server."""

import asyncio
import logging
from typing import Any

import pytest

from liveavatar.media_events import Notice
from liveavatar.media_socket import MediaSocket, MediaSocketError, Pace
from liveavatar.pcm import BYTES_PER_SECOND
from liveavatar.utterance import Outcome, Utterance
from rigs.clock import put_clock_forward
from rigs.services.media_events import newest, seconds
from rigs.services.scripted_media import CONNECTED, QUICK, ScriptedMedia


async def test_an_utterance_goes_out_in_a_short_chunk_then_long_ones_under_one_id(
    media: ScriptedMedia, avatar: MediaSocket
) -> None:
    await avatar.say(seconds(2.75))

    end = await media.command("agent.speak_end")
    lengths = [len(sound) / BYTES_PER_SECOND for sound in media.sound()]
    assert lengths == [0.5, 1.0, 1.0, 0.25]
    assert {command["event_id"] for command in media.of("agent.speak")} == {end["event_id"]}


async def test_pieces_of_any_size_become_the_same_chunks(media: ScriptedMedia, avatar: MediaSocket) -> None:
    sound = bytes(range(250)) * 300
    stream = avatar.utterance()

    for at in range(0, len(sound), 777):
        await stream.send(sound[at : at + 777])
    await stream.seal()

    await media.command("agent.speak_end")
    assert [len(chunk) for chunk in media.sound()] == [24_000, 48_000, 3_000]
    assert b"".join(media.sound()) == sound


async def test_half_a_sample_at_the_end_is_not_sent(media: ScriptedMedia, avatar: MediaSocket) -> None:
    await avatar.say(seconds(0.1) + b"\1")

    await media.command("agent.speak_end")
    assert media.sound() == [seconds(0.1)]


async def test_an_utterance_without_sound_sends_nothing(media: ScriptedMedia, avatar: MediaSocket) -> None:
    utterance = await avatar.say(b"")
    await avatar.start_listening()

    await media.command("agent.start_listening")
    assert await utterance.done is Outcome.PLAYED
    assert media.of("agent.speak_end") == []


def docs(kind: str, utterance_id: str, task: str) -> dict[str, Any]:
    return {"type": kind, "event_id": utterance_id, "task": {"id": task}}


def task_alone(kind: str, utterance_id: str, task: str) -> dict[str, Any]:
    return {"type": kind, "task": {"id": task}}


def nothing(kind: str, utterance_id: str, task: str) -> dict[str, Any]:
    return {"type": kind}


@pytest.mark.parametrize("dialect", [docs, newest, task_alone, nothing])
async def test_two_utterances_sent_at_once_are_told_apart_in_every_dialect(
    media: ScriptedMedia, avatar: MediaSocket, dialect: Any
) -> None:
    first_one, second_one = await avatar.say(seconds(0.2)), await avatar.say(seconds(0.2))
    await media.command("agent.speak_end", 2)

    await media.say(dialect("agent.speak_started", first_one.id, "t1"))
    await first_one.started
    assert not second_one.started.done()
    await media.say(dialect("agent.speak_ended", first_one.id, "t1"))
    assert await first_one.done is Outcome.PLAYED
    assert not second_one.done.done()
    await media.say(dialect("agent.speak_started", second_one.id, "t2"))
    await media.say(dialect("agent.speak_ended", second_one.id, "t2"))
    assert await second_one.done is Outcome.PLAYED


async def test_idle_ends_an_utterance_that_was_sent_whole_where_only_the_state_of_the_avatar_is_reported(
    media: ScriptedMedia, avatar: MediaSocket
) -> None:
    stream = avatar.utterance()
    await stream.send(seconds(0.6))
    talking = {"type": "agent.state_updated", "previous_state": "idle", "new_state": "talking"}
    idle = {"type": "agent.state_updated", "state": "idle"}

    await media.say(talking, idle, talking)
    await stream.utterance.started
    assert not stream.utterance.done.done()
    await stream.seal()
    await media.command("agent.speak_end")
    await media.say(idle)

    assert await stream.utterance.done is Outcome.PLAYED


async def test_idle_ends_no_utterance_where_speech_is_reported(
    media: ScriptedMedia, avatar: MediaSocket
) -> None:
    utterance = await avatar.say(seconds(0.2))
    idle = {"type": "agent.state_updated", "previous_state": "talking", "new_state": "idle"}

    await media.say(newest("agent.speak_started", utterance.id, "t"), idle, {"type": "warning"})
    await utterance.started
    assert not utterance.done.done()
    await media.say(newest("agent.speak_ended", utterance.id, "t"))

    assert await utterance.done is Outcome.PLAYED


async def test_an_interrupt_cuts_everything_at_once_and_its_echoes_touch_nothing_new(
    media: ScriptedMedia, avatar: MediaSocket
) -> None:
    old = await avatar.say(seconds(0.2))
    await media.command("agent.speak_end")
    await media.say(newest("agent.speak_started", old.id, "t1"))
    await old.started

    await avatar.interrupt()
    assert await old.done is Outcome.CUT
    command = await media.command("agent.interrupt")
    new = await avatar.say(seconds(0.2))
    await media.command("agent.speak_end", 2)
    await media.say(
        newest("agent.audio_buffer_cleared", command["event_id"], "t1"),
        newest("agent.speak_interrupted", old.id, "t1"),
        task_alone("agent.speak_ended", old.id, "t1"),
        newest("agent.speak_started", new.id, "t2"),
    )

    await new.started
    assert not new.done.done()


async def test_what_is_sent_after_an_interrupt_is_dropped(media: ScriptedMedia, avatar: MediaSocket) -> None:
    stream = avatar.utterance()
    await stream.send(seconds(0.6))
    await avatar.interrupt()
    await media.command("agent.interrupt")

    await stream.send(seconds(5))
    await stream.seal()
    await avatar.start_listening()

    await media.command("agent.start_listening")
    assert [command["type"] for command in media.commands] == [
        "agent.speak",
        "agent.interrupt",
        "agent.start_listening",
    ]


async def test_an_utterance_that_the_vendor_interrupts_is_cut(
    media: ScriptedMedia, avatar: MediaSocket
) -> None:
    utterance = await avatar.say(seconds(0.2))
    await media.say(
        newest("agent.speak_started", utterance.id, "t"), newest("agent.speak_interrupted", utterance.id, "t")
    )

    assert await utterance.done is Outcome.CUT


async def test_a_dropped_connection_is_opened_again_and_the_open_utterance_is_lost(
    media: ScriptedMedia, avatar: MediaSocket
) -> None:
    lost = await avatar.say(seconds(0.2))
    await media.command("agent.speak")

    await media.drop()
    assert await lost.done is Outcome.LOST
    await media.connected(2)
    again = await avatar.say(seconds(0.2))
    await media.say(newest("agent.speak_started", again.id, "t"))

    await again.started
    assert not avatar.over.done()


async def test_a_session_that_is_gone_is_not_reconnected(media: ScriptedMedia, avatar: MediaSocket) -> None:
    media.refusal = 404

    await media.close()

    assert "HTTP 404" in await avatar.over
    assert media.connections == 2


async def test_a_vendor_that_stays_unreachable_is_given_up(media: ScriptedMedia, avatar: MediaSocket) -> None:
    media.refusal = 503

    await media.close()

    assert "could not be opened again" in await avatar.over
    assert media.connections == 4
    assert await (await avatar.say(seconds(0.2))).done is Outcome.LOST


@pytest.mark.parametrize("state", ["closing", "closed", "disconnected"])
async def test_the_end_of_the_session_is_known_by_any_of_its_names(
    media: ScriptedMedia, avatar: MediaSocket, state: str
) -> None:
    utterance = await avatar.say(seconds(0.2))

    await media.say({"type": "session.state_updated", "state": state})

    assert state in await avatar.over
    assert await utterance.done is Outcome.CUT
    await media.close()
    assert media.connections == 1


async def test_sound_waits_for_the_session_to_be_connected(media: ScriptedMedia) -> None:
    media.greeting = [{"type": "session.state_updated", "state": "connecting"}]
    socket = MediaSocket(media.url, pace=Pace(ready=15))
    opening = asyncio.create_task(socket.open())
    await media.connected(1)
    assert not opening.done()

    await media.say(CONNECTED)
    await opening
    await socket.say(seconds(0.2))

    await media.command("agent.speak")
    await socket.close()


async def test_sound_is_sent_anyway_when_the_vendor_never_says_that_it_is_connected(
    media: ScriptedMedia, caplog: pytest.LogCaptureFixture
) -> None:
    media.greeting = []

    async with MediaSocket(media.url, **QUICK) as avatar:
        await avatar.say(seconds(0.2))
        await media.command("agent.speak_end")

    assert "sound is sent anyway" in caplog.text


async def test_a_quiet_connection_is_kept_alive(media: ScriptedMedia) -> None:
    async with MediaSocket(media.url):
        for count in (1, 2, 3):
            put_clock_forward(60)
            await media.command("session.keep_alive", count)


async def test_errors_and_warnings_of_the_vendor_are_reported_and_logged(
    media: ScriptedMedia, caplog: pytest.LogCaptureFixture
) -> None:
    notices: asyncio.Queue[Notice] = asyncio.Queue()
    async with MediaSocket(media.url, on_notice=notices.put_nowait, **QUICK):
        await media.say(
            {"type": "error", "error": {"type": "invalid_request_error", "message": "not base64"}},
            {"type": "warning", "warning": {"type": "video_starvation", "message": "too slow"}},
        )

        assert await notices.get() == Notice(True, "invalid_request_error", "not base64")
        assert await notices.get() == Notice(False, "video_starvation", "too slow")
    assert "not base64" in caplog.text


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "[]",
        "7",
        "nonsense",
        "{}",
        '{"type": 7}',
        '{"type": "session.state_updated"}',
        "[" * 20_000,
        '{"type": "agent.speak_ended", "task": "no object"}',
        '{"type": "error", "error": null}',
    ],
)
async def test_frames_that_make_no_sense_change_nothing(
    media: ScriptedMedia, avatar: MediaSocket, frame: str
) -> None:
    utterance = await avatar.say(seconds(0.2))
    await media.command("agent.speak_end")

    await media.say(frame, newest("agent.speak_started", utterance.id, "t"))

    await utterance.started
    assert not utterance.done.done()


@pytest.mark.parametrize("status", [401, 403, 404, 500])
async def test_a_refused_handshake_is_an_error_without_the_url(
    media: ScriptedMedia, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    media.refusal = status
    caplog.set_level(logging.DEBUG)

    with pytest.raises(MediaSocketError, match=f"HTTP {status}") as refused:
        await MediaSocket(media.url, **QUICK).open()

    assert "secret-of-the-url" not in f"{refused.value!r} {refused.value.__cause__!r} {caplog.text}"


@pytest.mark.parametrize("url", ["ws://127.0.0.1:9/x", "https//nothing", "", "ftp://127.0.0.1/x"])
async def test_an_address_without_a_server_is_an_error(url: str) -> None:
    with pytest.raises(MediaSocketError, match="could not be opened"):
        await MediaSocket(url, **QUICK).open()


async def test_a_cancelled_opening_leaves_no_task(media: ScriptedMedia) -> None:
    media.greeting = []
    before = asyncio.all_tasks()
    avatar = MediaSocket(media.url, pace=Pace(ready=15))

    opening = asyncio.create_task(avatar.open())
    await media.connected(1)
    opening.cancel()
    await asyncio.wait({opening})

    assert {task for task in asyncio.all_tasks() - before if "media" in task.get_name()} == set()
    assert avatar.over.done()


async def test_closing_cuts_the_open_utterance(media: ScriptedMedia) -> None:
    async with MediaSocket(media.url, **QUICK) as avatar:
        utterance = await avatar.say(seconds(1))

    assert await utterance.done is Outcome.CUT


async def test_closing_twice_is_fine_and_leaves_no_task(media: ScriptedMedia) -> None:
    before = asyncio.all_tasks()
    avatar = MediaSocket(media.url, **QUICK)
    await avatar.open()

    await avatar.close()
    await avatar.close()

    assert avatar.over.result() == "we closed it"
    assert {task for task in asyncio.all_tasks() - before if "media" in task.get_name()} == set()


def test_an_utterance_starts_and_ends_once() -> None:
    async def life() -> None:
        utterance = Utterance()
        utterance.start()
        utterance.start()
        utterance.end(Outcome.PLAYED)
        utterance.end(Outcome.LOST)

        assert utterance.done.result() is Outcome.PLAYED

    asyncio.run(life())
