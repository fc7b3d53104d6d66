"""The sound and the events of a LITE conversation, command by command, in virtual time."""

import asyncio
from typing import Any

import pytest

from rigs.avatar.lite_rig import calling, pcm, speak
from simulator.avatar.lite_conversation import STARVED
from simulator.avatar.motion import Mood

pytestmark = pytest.mark.virtual_time

END: dict[str, Any] = {"type": "agent.speak_end"}
INTERRUPT: dict[str, Any] = {"type": "agent.interrupt"}
LISTEN: dict[str, Any] = {"type": "agent.start_listening"}
NO_LISTEN: dict[str, Any] = {"type": "agent.stop_listening"}
ACKS = ("audio_buffer_appended", "audio_buffer_committed")


async def test_the_events_of_an_utterance_are_in_order() -> None:
    async with calling() as caller:
        caller.send(speak(pcm(0.5)), speak(pcm(0.5)), END)
        await asyncio.sleep(2)

        assert caller.kinds() == [
            "audio_buffer_appended",
            "audio_buffer_appended",
            "audio_buffer_committed",
            "speak_started",
            "talking",
            "speak_ended",
            "idle",
        ]
        assert bytes(caller.loudspeaker.taken) == pcm(0.5) * 2
        assert caller.moments("speak_ended")[0] == pytest.approx(1.0, abs=0.1)


async def test_an_utterance_has_all_three_ids_that_clients_use() -> None:
    async with calling() as caller:
        caller.send(speak(pcm(0.2), event_id="one"), {**END, "event_id": "end"})
        caller.send(speak(pcm(0.2)), speak(pcm(0.2), event_id=2), END)
        await asyncio.sleep(2)

        started, ended = caller.of("speak_started"), caller.of("speak_ended")
        assert [event["source_event_id"] for event in started + ended] == ["one", 2, "one", 2]
        assert [event["task"] for event in started] == [event["task"] for event in ended]
        assert started[0]["task"]["id"] != started[1]["task"]["id"]
        acks = caller.of("audio_buffer_appended") + caller.of("audio_buffer_committed")
        assert [event["source_event_id"] for event in acks] == ["one", None, 2, "end", None]
        ids = [event["event_id"] for _, event in caller.events]
        assert len(set(ids)) == len(ids)
        assert all(event["source_event_id"] is None for event in caller.of("talking") + caller.of("idle"))


async def test_speaking_starts_when_it_is_heard_and_not_before() -> None:
    async with calling() as caller:
        caller.send(speak(pcm(0.05)))
        await asyncio.sleep(0.1)
        before = caller.kinds(ACKS)
        caller.send(speak(pcm(0.2)))
        await asyncio.sleep(0.05)

        assert before == []
        assert caller.kinds(ACKS) == ["speak_started", "talking"]
        assert caller.conversation.mood is Mood.SPEAKING


async def test_a_short_chunk_is_played_without_waiting_for_more() -> None:
    async with calling() as caller:
        caller.send(speak(pcm(0.05)))
        await asyncio.sleep(0.5)

        assert caller.moments("speak_started")[0] == pytest.approx(0.16, abs=0.02)


async def test_each_sealed_utterance_ends_once_and_the_avatar_idles_between_them() -> None:
    async with calling() as caller:
        for _ in range(3):
            caller.send(speak(pcm(0.3)), END)
        await asyncio.sleep(2)

        assert caller.kinds(ACKS) == ["speak_started", "talking", "speak_ended", "idle"] * 3
        assert caller.lips.resets == 3


async def test_an_interrupt_event_precedes_the_end_of_its_utterance() -> None:
    async with calling() as caller:
        caller.send(speak(pcm(5), event_id="a"))
        await asyncio.sleep(1)
        caller.send({**INTERRUPT, "event_id": "stop"})
        await asyncio.sleep(5)

        assert caller.kinds(ACKS)[2:] == ["audio_buffer_cleared", "speak_interrupted", "speak_ended", "idle"]
        assert caller.of("audio_buffer_cleared")[0]["source_event_id"] == "stop"
        assert caller.of("speak_interrupted")[0]["source_event_id"] == "a"
        assert caller.of("speak_interrupted")[0]["task"] == caller.of("speak_started")[0]["task"]
        assert len(caller.loudspeaker.taken) < len(pcm(1.3))
        assert caller.loudspeaker.queued() == 0


async def test_an_interrupt_ends_waiting_utterances_too_and_the_next_chunk_begins_another() -> None:
    async with calling() as caller:
        caller.send(speak(pcm(1)), END, speak(pcm(1)), END, speak(pcm(1)))
        await asyncio.sleep(0.5)
        caller.send(INTERRUPT, speak(pcm(0.4)), END)
        await asyncio.sleep(2)

        assert caller.kinds(ACKS)[2:] == [
            "audio_buffer_cleared",
            *(["speak_interrupted", "speak_ended"] * 3),
            "idle",
            *("speak_started", "talking", "speak_ended", "idle"),
        ]
        tasks = [event["task"]["id"] for event in caller.of("speak_ended")]
        assert len(set(tasks)) == 4


async def test_an_interrupt_of_silence_only_clears_the_buffer() -> None:
    async with calling() as caller:
        caller.send(INTERRUPT)
        caller.send(speak(pcm(0.3)), END)
        await asyncio.sleep(1)
        caller.send(INTERRUPT)

        kinds = caller.kinds(ACKS)
        assert kinds[:1] + kinds[-1:] == ["audio_buffer_cleared"] * 2
        assert kinds[1:-1] == ["speak_started", "talking", "speak_ended", "idle"]


async def test_an_utterance_that_runs_dry_causes_one_warning_and_goes_on() -> None:
    async with calling() as caller:
        caller.send(speak(pcm(0.5)))
        await asyncio.sleep(1.5)
        dry = caller.conversation.mood
        caller.send(speak(pcm(0.5)))
        await asyncio.sleep(1.0)
        caller.send(END)
        await asyncio.sleep(0.1)

        assert dry is Mood.IDLE
        assert caller.kinds(ACKS) == ["speak_started", "talking", "warning", "warning", "speak_ended", "idle"]
        assert caller.of("warning")[0]["warning"] == {"type": "video_starvation", "message": STARVED}


async def test_an_utterance_that_is_never_sealed_idles_and_talks_again() -> None:
    async with calling() as caller:
        for _ in range(2):
            caller.send(speak(pcm(0.5)))
            await asyncio.sleep(60)

        assert caller.kinds(ACKS) == ["speak_started", *(["talking", "warning", "idle"] * 2)]
        assert len(caller.of("warning")) == 2


async def test_an_utterance_sealed_while_dry_ends_without_talking_again() -> None:
    async with calling() as caller:
        caller.send(speak(pcm(0.5)))
        await asyncio.sleep(10)
        caller.send(END)
        await asyncio.sleep(1)

        assert caller.kinds(ACKS) == ["speak_started", "talking", "warning", "idle", "speak_ended"]


@pytest.mark.parametrize("period", [0.015, 0.02])
async def test_tiny_chunks_in_real_time_play_without_a_gap(period: float) -> None:
    async with calling() as caller:
        for _ in range(200):
            caller.send(speak(pcm(period)))
            await asyncio.sleep(period)
        caller.send(END)
        await asyncio.sleep(1)

        assert caller.kinds(ACKS) == ["speak_started", "talking", "speak_ended", "idle"]
        assert bytes(caller.loudspeaker.taken) == pcm(period) * 200
        spoke = caller.moments("speak_ended")[0] - caller.moments("speak_started")[0]
        assert spoke == pytest.approx(200 * period, abs=0.05)


async def test_half_a_sample_waits_for_its_other_half() -> None:
    sound = pcm(0.5)
    async with calling() as caller:
        caller.send(speak(sound[:4801]), speak(sound[4801:4802]), speak(sound[4802:] + b"\7"), END)
        await asyncio.sleep(2)

        assert bytes(caller.loudspeaker.taken) == sound
        assert len(caller.of("speak_ended")) == 1


@pytest.mark.parametrize("command", [speak(b""), {**END, "audio": ""}, speak(b"\1")])
async def test_an_utterance_without_sound_ends_as_well(command: dict[str, Any]) -> None:
    async with calling() as caller:
        caller.send(command, END)
        await asyncio.sleep(1)

        ended = [] if command["type"] == END["type"] else ["speak_started", "talking", "speak_ended", "idle"]
        assert caller.kinds(ACKS) == ended
        assert caller.loudspeaker.taken == b""


async def test_the_seal_may_bring_the_last_sound() -> None:
    async with calling() as caller:
        caller.send({**speak(pcm(0.3)), "type": "agent.speak_end"})
        await asyncio.sleep(1)

        assert caller.kinds() == ["audio_buffer_committed", "speak_started", "talking", "speak_ended", "idle"]
        assert bytes(caller.loudspeaker.taken) == pcm(0.3)


async def test_too_much_sound_is_refused_with_one_error_until_there_is_room() -> None:
    async with calling(longest=2) as caller:
        for _ in range(5):
            caller.send(speak(pcm(1), event_id="much"))
        await asyncio.sleep(1.5)
        caller.send(speak(pcm(1)))
        await asyncio.sleep(0.1)
        caller.send(speak(pcm(2)))

        errors = caller.of("error")
        assert len(caller.of("audio_buffer_appended")) == 3
        assert [event["error"]["event_id"] for event in errors] == ["much", None]
        assert errors[0]["error"]["type"] == "server_error"
        assert "More than 2 s of audio" in errors[0]["error"]["message"]


async def test_the_lips_read_minutes_of_sound_piece_by_piece_just_before_it_is_heard() -> None:
    async with calling() as caller:
        caller.send(*[speak(pcm(1))] * 120, END)
        await asyncio.sleep(130)

        heard = 0.0
        for moment, count in caller.lips.heard:
            assert count <= 48_000
            assert heard - 0.4 <= moment + 0.01
            heard += count / 48_000
        assert heard == pytest.approx(120)
        assert bytes(caller.loudspeaker.taken) == pcm(1) * 120
        assert caller.signs_of_life > 200
        assert caller.kinds(ACKS) == ["speak_started", "talking", "speak_ended", "idle"]


@pytest.mark.parametrize(
    ("commands", "states"),
    [
        ([LISTEN], ["listening"]),
        ([LISTEN, LISTEN], ["listening"]),
        ([NO_LISTEN], []),
        ([LISTEN, NO_LISTEN], ["listening", "idle"]),
        ([LISTEN, INTERRUPT], ["listening", "idle"]),
        ([speak(pcm(0.2)), LISTEN, END], ["listening", "talking", "idle", "listening"]),
        ([LISTEN, speak(pcm(0.2)), NO_LISTEN, END], ["listening", "idle", "talking", "idle"]),
    ],
)
async def test_a_change_of_state_is_an_event(commands: list[dict[str, Any]], states: list[str]) -> None:
    async with calling() as caller:
        caller.send(*commands)
        await asyncio.sleep(1)

        changes = [event for _, event in caller.events if event["type"] == "agent.state_updated"]
        assert [event["new_state"] for event in changes] == states
        assert [event["previous_state"] for event in changes] == ["idle", *states][: len(states)]


async def test_listening_ordered_while_talking_follows_it() -> None:
    async with calling() as caller:
        caller.send(speak(pcm(1)), END)
        await asyncio.sleep(0.5)
        caller.send(LISTEN)
        during = caller.conversation.mood
        await asyncio.sleep(1)

        assert during is Mood.SPEAKING
        assert caller.conversation.mood is Mood.LISTENING
        assert caller.kinds(ACKS) == ["speak_started", "talking", "speak_ended", "idle", "listening"]


async def test_unknown_commands_get_no_answer_and_invalid_ones_an_error() -> None:
    async with calling() as caller:
        caller.send({"type": "start"}, {"type": "agent.speak_started"}, {"type": "agent.dance"})
        silent = caller.kinds()
        caller.send("[]", {"type": "agent.speak", "audio": "?", "event_id": "bad"})

        assert silent == []
        assert [event["error"]["event_id"] for event in caller.of("error")] == [None, "bad"]
        assert {event["error"]["type"] for event in caller.of("error")} == {"invalid_request_error"}


async def test_the_sound_of_a_lost_caller_is_played_and_the_next_begins_another_utterance() -> None:
    async with calling() as caller:
        caller.send(speak(pcm(1)))
        await asyncio.sleep(0.5)
        caller.conversation.lose_caller()
        caller.conversation.welcome()
        caller.send(speak(pcm(0.5)), END)
        await asyncio.sleep(2)

        assert caller.kinds(ACKS)[2:] == [
            "session.state_updated",
            *("speak_ended", "idle", "speak_started", "talking", "speak_ended", "idle"),
        ]
        assert bytes(caller.loudspeaker.taken) == pcm(1) + pcm(0.5)


async def test_the_end_of_the_session_ends_the_utterance_first() -> None:
    async with calling() as caller:
        caller.send(speak(pcm(5)))
        await asyncio.sleep(1)
        caller.conversation.end()

        assert caller.kinds(ACKS)[2:5] == ["speak_interrupted", "speak_ended", "idle"]
        assert [event["state"] for event in caller.of("session.state_updated")] == ["disconnected", "closed"]
