"""The user's microphone, heard by the agent in a real room."""

import asyncio

import numpy as np
import pytest
from livekit import rtc

from rigs.rooms.room_rig import PATIENCE, Publisher, room_rig
from simulator.avatar.hearing import SAMPLE_RATE, Hearing
from simulator.avatar.joining import JoinFailed, join
from simulator.avatar.quiet import PATCHED_VERSION

pytestmark = pytest.mark.rooms


class Ear:
    """An agent that only listens."""

    def __init__(self) -> None:
        self.room = rtc.Room()
        self.pcm = bytearray()
        self._news = asyncio.Event()
        self.losses = 0
        self.hearing = Hearing(
            self.room, lambda person: person.identity.startswith("client"), self._heard, self._lost
        )

    async def tone(self, frequency: float) -> None:
        """Wait until the last half second was a tone of `frequency` (Hz)."""
        async with asyncio.timeout(PATIENCE):
            while not self._is(frequency):
                self._news.clear()
                await self._news.wait()

    async def loss(self) -> None:
        """Wait until a microphone is lost."""
        async with asyncio.timeout(PATIENCE):
            while not self.losses:
                self._news.clear()
                await self._news.wait()

    def _heard(self, pcm: memoryview) -> None:
        self.pcm += pcm.tobytes()
        self._news.set()

    def _lost(self) -> None:
        self.losses += 1
        self._news.set()

    def _is(self, frequency: float) -> bool:
        samples = np.frombuffer(bytes(self.pcm[-SAMPLE_RATE:]), np.int16).astype(float)
        if len(samples) < SAMPLE_RATE // 2 or np.abs(samples).max() < 1000:
            return False
        return abs(float(np.abs(np.fft.rfft(samples)).argmax()) * SAMPLE_RATE / len(samples) - frequency) < 5


@pytest.fixture
async def rooms():
    async with room_rig() as rooms:
        yield rooms


@pytest.fixture
async def ear(rooms):
    ear = Ear()
    yield ear
    await ear.hearing.close()
    await ear.room.disconnect()


async def enter(ear: Ear, rooms) -> None:
    await join(ear.room, rooms.url, rooms.token("agent", kind="agent"), "the agent")
    ear.hearing.begin(ear.room)


@pytest.mark.parametrize("first", ["user", "agent"])
async def test_the_user_is_heard_in_either_order_of_joins(rooms, ear, first):
    if first == "agent":
        await enter(ear, rooms)
    user = await Publisher(await rooms.join("client-1"), tone=500).start()
    if first == "user":
        await enter(ear, rooms)

    await ear.tone(500)
    await user.stop()


async def test_neither_pictures_nor_other_agents_are_subscribed_to(rooms, ear):
    avatar = await Publisher(await rooms.join("heygen"), tone=900).start()
    user = await Publisher(await rooms.join("client-1"), tone=500).start()
    await enter(ear, rooms)
    await ear.tone(500)

    taken = {
        (person.identity, publication.kind)
        for person in ear.room.remote_participants.values()
        for publication in person.track_publications.values()
        if publication.subscribed
    }
    assert taken == {("client-1", rtc.TrackKind.KIND_AUDIO)}
    await user.stop()
    await avatar.stop()


async def test_the_newer_of_two_microphones_counts(rooms, ear):
    await enter(ear, rooms)
    old = await Publisher(await rooms.join("client-1"), tone=500).start()
    await ear.tone(500)
    new = await Publisher(await rooms.join("client-2"), tone=900).start()

    await ear.tone(900)
    await old.stop()
    await new.stop()


async def test_a_mute_stops_the_sound_and_an_unmute_starts_it(rooms, ear):
    await enter(ear, rooms)
    user = await Publisher(await rooms.join("client-1"), tone=500).start()
    await ear.tone(500)
    track = user.publications[1].track
    assert track is not None
    track.mute()
    await ear.loss()
    ear.pcm.clear()
    track.unmute()

    await ear.tone(500)
    assert ear.losses == 1
    await user.stop()


async def test_a_user_that_leaves_is_a_lost_microphone(rooms, ear):
    await enter(ear, rooms)
    room = await rooms.join("client-1")
    user = await Publisher(room, tone=500).start()
    await ear.tone(500)
    await user.stop()
    await room.disconnect()

    await ear.loss()


async def test_a_failed_join_names_participant_and_address(rooms):
    room = rtc.Room()

    with pytest.raises(JoinFailed, match=r"the agent could not join the room at ws://"):
        await join(room, rooms.url, "no token", "the agent")


async def test_a_cancelled_join_leaves_the_room_again(rooms):
    room = rtc.Room()
    joining = asyncio.create_task(join(room, rooms.url, rooms.token("agent"), "the agent"))
    await asyncio.sleep(0)
    joining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await joining

    assert not room.isconnected()
    assert "agent" not in rooms.participants()


def test_the_patch_is_for_the_pinned_livekit(request):
    requirements = (request.config.rootpath / "requirements.txt").read_text()

    assert f"livekit=={PATCHED_VERSION}\n" in requirements
    assert rtc.__version__ == PATCHED_VERSION
