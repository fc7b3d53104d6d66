"""The agent in a room: whom it hears, how it is interrupted, and what it sends to the avatar.

The room server is real and espeak-ng speaks for the visitors. The media websocket and the site are scripted.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from livekit import api, rtc
from livekit.agents.utils import http_context

from agent.conversation.conversation import Conversation
from agent.site.frames import History, SessionAccess
from rigs.agent.captions import Captions
from rigs.agent.reports import Reports, agent_config, turns
from rigs.rooms.room_rig import EVERY_SERVER, RoomRig, acquainted, room_rig, until
from rigs.services.scripted_media import ScriptedMedia, scripted_media
from rigs.sound.microphone import RATE, Microphone
from voice.hearing.recognizer import NOT_UNDERSTOOD, Transcript

pytestmark = pytest.mark.rooms

HOURS, DOGS, MILK = "What are your opening hours?", "Are dogs allowed?", "Do you have oat milk?"
TRIES = 3


class Site(Reports):
    """Stands for the client of the site, as far as a conversation uses it."""

    def __init__(self) -> None:
        super().__init__()
        self.commands: asyncio.Queue[object] = asyncio.Queue()
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.history: tuple[tuple[str, str], ...] = ()
        self.history_fetched = asyncio.Event()

    async def fetch_history(self) -> History:
        self.history_fetched.set()
        return turns(self.history)


class Scene:
    """A running conversation, with its room, its site and its avatar."""

    def __init__(self, rig: RoomRig, media: ScriptedMedia) -> None:
        self.rig = rig
        self.media = media
        self.site = Site()
        self.room: rtc.Room  # the agent's
        self.conversation: Conversation
        self.running: asyncio.Task[str]
        self._microphones: list[Microphone] = []

    async def begin(self, **members: Any) -> None:
        self.room = room = rtc.Room()
        self.rig._clients.append(room)
        await room.connect(self.rig.url, self.rig.token("agent", kind="agent", agent=True))
        self.conversation = Conversation(
            self.site,  # type: ignore[arg-type]
            agent_config(**{"opening_text": "", **members}),
            SessionAccess(ws_url=self.media.url),
            room,
        )
        self.running = asyncio.create_task(self.conversation.run())
        if members.get("history"):
            return
        if members.get("opening_text"):
            await self.media.command("agent.speak")
        else:
            await self.media.command("agent.start_listening")

    async def microphone(self, room: rtc.Room) -> Microphone:
        """One that the agent has subscribed to."""
        microphone = await Microphone(room).open()
        self._microphones.append(microphone)
        await until(lambda: microphone.sid in self._subscribed())
        return microphone

    async def asked(self, text: str, within: float = 30) -> None:
        """Wait until the agent has transcribed `text`."""
        await self.site.until(
            lambda: text in [said["text"] for said in self.site.of("user.transcription")], within
        )

    async def ask(self, microphone: Microphone, text: str) -> None:
        """Say `text` again until it is transcribed: on a busy machine sound arrives with gaps."""
        for _ in range(TRIES - 1):
            await microphone.say(text)
            with contextlib.suppress(TimeoutError):
                return await self.asked(text, within=8)
        await microphone.say(text)
        await self.asked(text)

    async def plays(self, answer: int) -> str:
        """Have the avatar begin the `answer`th utterance that it receives; return its id."""
        await until(lambda: len(self.ids()) >= answer)
        utterance = self.ids()[answer - 1]
        await self.notify("agent.speak_started", utterance)
        return utterance

    async def notify(self, kind: str, utterance: str) -> None:
        await self.media.say({"type": kind, "event_id": "e", "source_event_id": utterance})

    def ids(self) -> list[str]:
        return list(dict.fromkeys(command["event_id"] for command in self.media.of("agent.speak")))

    async def inside(self) -> list[str]:
        """The participants by the server's account; none when there is no room."""
        try:
            return await self.rig.inside()
        except api.ServerError:
            return []

    async def over(self) -> str:
        async with asyncio.timeout(15):
            return await self.running

    async def close(self) -> None:
        for microphone in self._microphones:
            await microphone.close()
        if not self.site.ended.done():
            self.site.ended.set_result("USER_CLOSED")
        await asyncio.wait({self.running}, timeout=15)

    def _subscribed(self) -> set[str]:
        """The ids of the tracks that the agent has taken."""
        return {
            publication.sid
            for participant in self.room.remote_participants.values()
            for publication in participant.track_publications.values()
            if publication.track is not None
        }


async def gone(scene: Scene, identity: str) -> None:
    async def is_gone() -> bool:
        return identity not in await scene.inside()

    await until(is_gone)


@pytest.fixture(params=EVERY_SERVER)
async def scene(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    async with room_rig(request.param) as rig, http_context.open(), scripted_media() as media:
        scene = Scene(rig, media)
        yield scene
        await scene.close()


async def test_a_spoken_question_is_answered_and_the_next_one_interrupts_the_answer(scene: Scene) -> None:
    await scene.begin()
    visitor = await scene.rig.join("visitor")
    captions = Captions(visitor)
    microphone = await scene.microphone(visitor)

    await microphone.say(HOURS)
    await scene.asked(HOURS)
    await scene.plays(1)
    await captions.words(1)
    await microphone.say(DOGS)
    await scene.media.command("agent.interrupt")
    await scene.asked(DOGS)
    second = await scene.plays(2)
    await scene.media.command("agent.speak_end", 2)
    await scene.notify("agent.speak_ended", second)
    whole = await scene.site.reported("agent.answered", 2)

    cut = scene.site.of("agent.answered")[0]
    assert (cut["interrupted"], whole["interrupted"]) == (True, False)
    assert "Dogs are welcome" in whole["heard"]
    await scene.media.command("agent.start_listening", 3)
    kinds = [command["type"] for command in scene.media.commands if command["type"] != "agent.speak"]
    assert kinds == [
        "agent.start_listening",  # the user may speak
        *("agent.stop_listening", "agent.speak_end"),
        *("agent.interrupt", "agent.start_listening"),
        *("agent.stop_listening", "agent.speak_end"),
        "agent.start_listening",
    ]


class NothingUnderstood:
    """A recogniser to which all speech is noise, on any machine."""

    async def open(self) -> None: ...

    def listen(self) -> "NothingUnderstood":
        return self

    async def feed(self, pcm: bytes) -> str:
        return ""

    async def finish(self) -> Transcript:
        return NOT_UNDERSTOOD

    async def abandon(self) -> None: ...

    async def close(self) -> None: ...


async def test_a_cough_does_not_interrupt_and_an_answer_interrupted_without_words_continues(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.pipeline.build.build_recognizer", lambda *_, **__: NothingUnderstood())
    visitor = await scene.rig.join("visitor")
    await scene.begin(
        opening_text="Good morning! I have a lot to tell you about our coffee, and I begin with it."
    )
    microphone = await scene.microphone(visitor)
    await scene.plays(1)
    await scene.media.command("agent.speak_end")
    await scene.site.reported("avatar.speak_started")

    chance = np.random.default_rng(3)
    cough = chance.normal(0, 5000, RATE * 3 // 10) * np.hanning(RATE * 3 // 10)
    microphone.mix(cough.astype(np.float32))
    await microphone.say("Parliament rejected the amendment after a lengthy debate.")
    await scene.media.command("agent.interrupt")
    resumed = await scene.site.reported("agent.false_interruption")
    rest = await scene.plays(2)
    await scene.notify("agent.speak_ended", rest)
    answered = await scene.site.reported("agent.answered")

    assert resumed == {"resumed": True}
    assert answered["interrupted"] is False
    assert answered["heard"].startswith("Good morning!")
    assert answered["heard"].endswith("I begin with it.")
    sounds = dict.fromkeys(scene.ids(), 0)
    for command, sound in zip(scene.media.of("agent.speak"), scene.media.sound(), strict=True):
        sounds[command["event_id"]] += len(sound)
    first, second = sounds.values()
    assert 0 < second < first
    assert scene.site.of("user.transcription") == []


async def test_a_page_that_reloads_is_heard_again(scene: Scene) -> None:
    await scene.begin()
    before = await scene.rig.join("visitor")
    await scene.microphone(before)
    await before.disconnect()

    again = await scene.rig.join("visitor")
    microphone = await scene.microphone(again)

    await scene.ask(microphone, DOGS)


async def test_the_newest_microphone_of_the_visitor_is_heard(scene: Scene) -> None:
    """A voice chat that is stopped and started again publishes a second track, sometimes before the first ends."""
    await scene.begin()
    visitor = await scene.rig.join("visitor")
    first = await scene.microphone(visitor)

    second = await scene.microphone(visitor)
    await scene.ask(second, DOGS)
    await first.close()
    await scene.ask(second, MILK)
    await second.close()
    third = await scene.microphone(visitor)
    await scene.ask(third, HOURS)


async def test_another_person_is_heard_when_the_visitor_has_left(scene: Scene) -> None:
    await scene.begin()
    visitor = await scene.rig.join("visitor")
    await scene.microphone(visitor)
    other = await scene.rig.join("other")
    microphone = await scene.microphone(other)

    await visitor.disconnect()
    await gone(scene, "visitor")
    await scene.ask(microphone, DOGS)
    await other.disconnect()
    third = await scene.rig.join("third")
    microphone = await scene.microphone(third)

    await scene.ask(microphone, HOURS)


async def test_commands_of_the_page_and_of_staff_are_executed(scene: Scene) -> None:
    await scene.begin()
    visitor = await scene.rig.join("visitor")
    published: asyncio.Queue[bytes] = asyncio.Queue()
    visitor.on("data_received", lambda packet: published.put_nowait(packet.data))

    await visitor.local_participant.publish_data(
        b'{"event_type": "avatar.speak_response", "text": "Are dogs allowed?"}', topic="agent-control"
    )
    await scene.media.command("agent.speak_end")
    answer = await scene.plays(1)
    assert b"avatar.speak_started" in await asyncio.wait_for(published.get(), 10)
    await scene.notify("agent.speak_ended", answer)
    await scene.site.reported("agent.answered")
    scene.site.commands.put_nowait({"event_type": "avatar.test_tone"})
    await scene.media.command("agent.speak_end", 2)
    await scene.plays(2)
    await scene.site.reported("avatar.speak_started", 2)
    scene.site.commands.put_nowait({"event_type": ["nonsense"]})
    scene.site.commands.put_nowait({"event_type": "avatar.interrupt"})

    await scene.media.command("agent.interrupt")
    assert "Dogs are welcome" in scene.site.of("agent.answered")[0]["heard"]
    assert not scene.running.done()


async def test_a_question_typed_before_the_server_announces_its_sender_is_answered(scene: Scene) -> None:
    """livekit-server announces a participant without a microphone late."""
    await scene.begin()
    visitor = await scene.rig.join("visitor")

    await visitor.local_participant.publish_data(
        b'{"event_type": "avatar.speak_response", "text": "Are dogs allowed?"}', topic="agent-control"
    )

    await scene.plays(1)
    assert "Dogs are welcome" in (await scene.site.reported("avatar.transcription"))["text"]


@pytest.mark.parametrize("reached", ["the site", "the site and the room", "the room"])
async def test_a_question_typed_during_a_take_over_is_answered_once(scene: Scene, reached: str) -> None:
    before = (("avatar", "Hello!"),)
    scene.site.history = (*before, ("user", DOGS)) if "site" in reached else before
    visitor = await scene.rig.join("visitor")
    await scene.begin(history=before)
    if "room" in reached:
        await ask(visitor, DOGS)
    await scene.site.history_fetched.wait()
    await ask(visitor, MILK)

    for answer in (1, 2):
        playing = await scene.plays(answer)
        await scene.media.command("agent.speak_end", answer)
        await scene.site.reported("avatar.transcription", answer)
        await scene.notify("agent.speak_ended", playing)
    await scene.site.reported("agent.answered", 2)

    answers = [answer["text"] for answer in scene.site.of("avatar.transcription")]
    assert "Dogs are welcome" in answers[0]
    assert "Oat milk" in answers[1]


async def ask(visitor: rtc.Room, question: str) -> None:
    """Type a question."""
    command = {"event_type": "avatar.speak_response", "text": question}
    await visitor.local_participant.publish_data(json.dumps(command).encode(), topic="agent-control")


async def test_a_command_of_another_agent_is_ignored(scene: Scene) -> None:
    await scene.begin()
    room = rtc.Room()
    scene.rig._clients.append(room)
    await room.connect(scene.rig.url, scene.rig.token("heygen", kind="agent"))
    say = b'{"event_type": "avatar.speak_text", "text": "I was told to."}'

    await room.local_participant.publish_data(say, topic="agent-control")
    visitor = await scene.rig.join("visitor")
    await acquainted(scene.room, room, visitor)
    await visitor.local_participant.publish_data(say.replace(b"I was", b"You were"), topic="agent-control")

    await scene.plays(1)
    await scene.site.reported("avatar.transcription")
    assert [answer["text"] for answer in scene.site.of("avatar.transcription")] == ["You were told to."]
    assert len(scene.ids()) == 1


@pytest.mark.parametrize(
    "end", ["site", "avatar", "line", "room", "room and line", "removed", "twin", "pipeline"]
)
async def test_every_end_is_reported_with_its_cause_and_leaves_no_task(scene: Scene, end: str) -> None:
    before = asyncio.all_tasks()
    await scene.rig.join("visitor")  # the agent waits 5 s for an audience before it opens
    await scene.begin(opening_text="Good morning! I have a lot to tell you about our coffee.")
    await scene.plays(1)
    await scene.site.reported("avatar.speak_started")

    match end:
        case "site":
            scene.site.ended.set_result("USER_CLOSED")
        case "avatar":
            await scene.media.say({"type": "session.state_updated", "state": "disconnected"})
        case "line":
            scene.media.refusal = 404
            await scene.media.drop()
        case "room":
            await scene.rig.service.delete_room(api.DeleteRoomRequest(room=scene.rig.room))
        case "room and line":
            await scene.rig.service.delete_room(api.DeleteRoomRequest(room=scene.rig.room))
            await gone(scene, "agent")
            await scene.media.say({"type": "session.state_updated", "state": "closed"})
        case "pipeline":
            scene.conversation._session.shutdown(drain=False)
        case "twin":
            await scene.rig.join("agent")
        case "removed":
            identity = api.RoomParticipantIdentity(room=scene.rig.room, identity="agent")
            await scene.rig.service.remove_participant(identity)

    causes = {
        "avatar": "avatar",
        "line": "avatar",
        "room and line": "avatar",
        "room": "room",
        "pipeline": "agent",
    }
    assert await scene.over() == causes.get(end, "")
    await until(lambda: not [task for task in asyncio.all_tasks() - before if _is_ours(task)])


def _is_ours(task: asyncio.Task[Any]) -> bool:
    return task.get_name() in {
        *("avatar output", "commands", "staff commands", "page events"),
        *("media socket", "media keep-alive", "espeak answers"),
    }
