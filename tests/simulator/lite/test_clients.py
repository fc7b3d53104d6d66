"""The known clients of the media websocket: their chunks, ids and order of commands.

Seen in the sources of web SDK 0.0.11 and 0.0.18, livekit-plugins-liveavatar 1.8.9, livekit-starter, Vision Agents,
pipecat 1.14, the GPT live demos and the vendor's agent skills.
"""

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rigs.avatar.lite_rig import Caller, calling, pcm

pytestmark = pytest.mark.virtual_time

ACKS = ("audio_buffer_appended", "audio_buffer_committed")


@dataclass(frozen=True)
class Client:
    """`chunks`: seconds of the first chunks; the last size repeats. `pace`: seconds per second of sound."""

    name: str
    chunks: tuple[float, ...]
    ids: Literal["one", "fresh", "none", "decimal"]
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ("agent.speak_end",)
    pace: float = 0.0

    def id(self, one: str) -> dict[str, Any]:
        match self.ids:
            case "one":
                return {"event_id": one}
            case "fresh":
                return {"event_id": str(uuid4())}
            case "decimal":
                return {"event_id": "1184"}
        return {}

    def speaks(self, sound: bytes, one: str) -> Iterator[dict[str, Any]]:
        for kind in self.before:
            yield {"type": kind}
        # The web SDK cuts the base64 text and not the sound.
        text, sizes = base64.b64encode(sound).decode(), list(self.chunks)
        while text:
            size = round(sizes[0] * 64_000) // 4 * 4
            sizes = sizes[1:] or sizes
            yield {"type": "agent.speak", **self.id(one), "audio": text[:size]}
            text = text[size:]
        for kind in self.after:
            yield {"type": kind, **self.id(one)}


CLIENTS = [
    Client("SDK18", (0.3, 0.75), "one"),
    Client("SDK11", (0.015,), "one"),
    Client("LKPLUGIN", (0.6, 1.0), "fresh", after=("agent.speak_end", "agent.start_listening")),
    Client("STARTER", (0.4, 1.0), "none", before=("start",)),
    Client("VISION", (0.02,), "none", pace=0.7),
    Client("PIPECAT video", (0.4, 1.0), "decimal", pace=0.9),
    Client("PIPECAT transport", (0.04,), "decimal", pace=1.0),
    Client("SKILLS", (0.6, 1.0), "one", before=("agent.stop_listening",)),
]


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
async def test_two_utterances_of_a_client_are_heard_whole_with_events_in_order(client: Client) -> None:
    sound = pcm(3.7)
    async with calling() as caller:
        for _ in range(2):
            await _speak(client, caller, sound)
            await asyncio.sleep(6)

        states = ("idle", "listening", "talking")
        assert caller.kinds([*ACKS, *states]) == ["speak_started", "speak_ended"] * 2
        assert caller.kinds([*ACKS, "listening"]) == ["speak_started", "talking", "speak_ended", "idle"] * 2
        assert bytes(caller.loudspeaker.taken) == sound * 2
        assert len(caller.of("audio_buffer_committed")) == 2


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
async def test_an_interrupted_client_can_go_on(client: Client) -> None:
    async with calling() as caller:
        speaking = asyncio.create_task(_speak(client, caller, pcm(3)))
        await asyncio.sleep(1)
        speaking.cancel()
        caller.send({"type": "agent.interrupt", "event_id": None})
        await _speak(client, caller, pcm(1))
        await asyncio.sleep(4)

        without = [*ACKS, "listening", "warning"]
        assert caller.kinds(without) == [
            *("speak_started", "talking", "audio_buffer_cleared", "speak_interrupted", "speak_ended", "idle"),
            *("speak_started", "talking", "speak_ended", "idle"),
        ]
        assert bytes(caller.loudspeaker.taken).endswith(pcm(1))


async def test_an_endless_utterance_like_that_of_a_realtime_model_is_heard_at_once() -> None:
    client = Client("GPTLIVE", (0.2,), "none", after=(), pace=0.5)
    async with calling() as caller:
        for _ in range(3):
            await _speak(client, caller, pcm(2))
            await asyncio.sleep(10)

        assert caller.kinds(ACKS) == ["speak_started", *(["talking", "warning", "idle"] * 3)]
        assert caller.moments("speak_started")[0] < 0.2
        assert bytes(caller.loudspeaker.taken) == pcm(2) * 3


async def _speak(client: Client, caller: Caller, sound: bytes) -> None:
    for message in client.speaks(sound, str(uuid4())):
        caller.send(message)
        audio = len(base64.b64decode(message.get("audio", "")))
        await asyncio.sleep(client.pace * audio / 48_000)


STEPS = st.lists(
    st.one_of(
        st.integers(0, 20_000).map(lambda size: {"type": "agent.speak", "audio": _base64(size)}),
        st.sampled_from(["agent.speak_end", "agent.interrupt", "agent.start_listening"]).map(
            lambda kind: {"type": kind}
        ),
        st.floats(0, 3).map(lambda seconds: {"wait": seconds}),
    ),
    max_size=25,
)


def _base64(size: int) -> str:
    return base64.b64encode(bytes(size)).decode()


@settings(max_examples=150, deadline=None)
@given(steps=STEPS)
async def test_every_utterance_ends_exactly_once_for_any_input(steps: list[dict[str, Any]]) -> None:
    opened, is_open = 0, False
    async with calling() as caller:
        for step in [*steps, {"type": "agent.speak_end"}, {"wait": 60.0}]:
            if "wait" in step:
                await asyncio.sleep(step["wait"])
                continue
            opened += step["type"] == "agent.speak" and not is_open
            is_open = step["type"] == "agent.speak" or (is_open and step["type"] == "agent.start_listening")
            caller.send(step)

        started, ended = caller.of("speak_started"), caller.of("speak_ended")
        tasks = [event["task"]["id"] for event in ended]
        assert len(tasks) == len(set(tasks)) == opened
        assert {event["task"]["id"] for event in started} <= set(tasks)
        assert len(started) == len({event["task"]["id"] for event in started})
        states = [event for _, event in caller.events if event["type"] == "agent.state_updated"]
        changes = [(event["previous_state"], event["new_state"]) for event in states]
        assert all(old != new for old, new in changes)
        assert [old for old, _ in changes[1:]] == [new for _, new in changes[:-1]]
        assert not changes or changes[-1][1] != "talking"
