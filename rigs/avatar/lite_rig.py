"""A LITE conversation on a loudspeaker, and a caller that sends commands and reads events."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

from rigs.sound.loudspeaker import Loudspeaker
from simulator.avatar.lips import REST, MouthTrack
from simulator.avatar.lite_commands import InvalidCommand, parse_frame
from simulator.avatar.lite_conversation import LiteConversation
from simulator.avatar.playback import Playback
from voice.speaking.utterance import BYTES_PER_SECOND


def pcm(seconds: float) -> bytes:
    """Return sound whose neighbouring samples all differ, so that a lost or doubled one is found."""
    count = round(seconds * BYTES_PER_SECOND / 2)
    return b"".join((index % 30_000 + 1).to_bytes(2, "little") for index in range(count))


def speak(sound: bytes, **members: Any) -> dict[str, Any]:
    return {"type": "agent.speak", "audio": base64.b64encode(sound).decode(), **members}


class Lips:
    """A mouth at rest. It records the time and size of each piece."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, int]] = []
        self.resets = 0

    def listen(self, pcm: bytes) -> MouthTrack:
        self.heard.append((asyncio.get_running_loop().time(), len(pcm)))
        return MouthTrack([REST])

    def reset(self) -> None:
        self.resets += 1


class Caller:
    """`events` are (moment, event); a moment is in seconds."""

    def __init__(self, longest: float) -> None:
        self.loudspeaker = Loudspeaker()
        self.lips = Lips()
        self.events: list[tuple[float, dict[str, Any]]] = []
        self.signs_of_life = 0
        self.playback = Playback(self.loudspeaker)
        self.conversation = LiteConversation(
            playback=self.playback,
            lips=self.lips,
            tell=self._read,
            active=self._live,
            longest=longest,
        )

    def send(self, *messages: dict[str, Any] | str) -> None:
        for message in messages:
            frame = message if isinstance(message, str) else json.dumps(message)
            try:
                self.conversation.obey(parse_frame(frame))
            except InvalidCommand as wrong:
                self.conversation.refuse(wrong)

    def kinds(self, without: Iterable[str] = ()) -> list[str]:
        """Return the events so far; changes of state by their new state."""
        return [kind for _, event in self.events if (kind := _kind(event)) not in without]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for _, event in self.events if _kind(event) == kind]

    def moments(self, kind: str) -> list[float]:
        return [moment for moment, event in self.events if _kind(event) == kind]

    def _read(self, event: dict[str, Any]) -> None:
        self.events.append((asyncio.get_running_loop().time(), event))

    def _live(self) -> None:
        self.signs_of_life += 1


def _kind(event: dict[str, Any]) -> str:
    if event["type"] == "agent.state_updated":
        return str(event["new_state"])
    return str(event["type"]).removeprefix("agent.")


@contextlib.asynccontextmanager
async def calling(longest: float = 600.0) -> AsyncIterator[Caller]:
    caller = Caller(longest)
    tasks = [asyncio.create_task(caller.playback.run()), asyncio.create_task(caller.conversation.run())]
    try:
        yield caller
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
