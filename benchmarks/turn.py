"""The avatar's latency at the ears and eyes of a participant: of its answers, and of its silence after a barge-in.

Turn: from the last voiced sample of a question to the first sound of its answer, and to the first picture with an open
mouth. Barge-in: from the first voiced sample of an interruption to the avatar's last sound. Room server, avatar and
participant run on this machine, the avatar in its own process.
"""

import argparse
import asyncio

import numpy as np
from numpy.typing import NDArray

from benchmarks.stage import load, summary
from rigs.avatar.avatar_rig import CONTEXT, AvatarRig, Viewer, avatar_rig
from rigs.rooms.room_rig import room_rig
from rigs.sound.microphone import PEOPLE, Microphone
from rigs.sound.spoken_questions import ABOUT_COFFEE, COFFEE

SPEECH = "One thing after the other, and then another thing, and so it goes on and on for quite a while. "
INTERRUPTIONS = ("What is the wifi password?", "Wait a moment, please.", "Excuse me, do you have oat milk?")
# Ava's mouth in the viewer's small pictures of 160 x 90 pixels, and the brightness below which pixels are its inside.
MOUTH = np.s_[48:59, 70:91]
DARK = 115
VISIBLY = 3  # dark pixels more than a closed, smiling mouth has
LONG_ENOUGH = 0.3  # seconds of silence that count as the end of speech


def now() -> float:
    return asyncio.get_running_loop().time()


def openness(picture: NDArray[np.uint8]) -> int:
    """Return the number of dark pixels at the mouth."""
    return int((picture[MOUTH] < DARK).sum())


async def turn(viewer: Viewer, microphone: Microphone, text: str, person: str) -> dict[str, float]:
    """Return the seconds from the end of a question to the sound and the lips of its answer."""
    await quiet(viewer)
    viewer.events.clear()
    closed = max(openness(picture) for _, picture in viewer.pictures[-25:])
    spoken = await microphone.say(text, person)
    asked_at = microphone.moment(spoken.ends)
    found = {"sound": await viewer.sound(since=asked_at) - asked_at}
    found["lips"] = await opened(viewer, asked_at, closed + VISIBLY) - asked_at
    await viewer.event("avatar.speak_ended")
    found["understood"] = float(any(event["event_type"] == "user.transcription" for event in viewer.events))
    return found


async def opened(viewer: Viewer, since: float, least: int) -> float:
    """Return the arrival of the first picture after `since` with a mouth more open than `least`."""
    while True:
        for at, picture in viewer.pictures:
            if at > since and openness(picture) > least:
                return at
        await viewer.pictures_seen(len(viewer.pictures) + 1)


async def barge_in(viewer: Viewer, microphone: Microphone, text: str, person: str) -> float:
    """Return the seconds from the begin of an interruption to the avatar's last sound."""
    await quiet(viewer)
    asked_at = now()
    await viewer.send(event_type="avatar.speak_text", text=SPEECH * 3)
    await viewer.sound(since=asked_at)
    await asyncio.sleep(2)
    spoken = await microphone.say(text, person)
    began_at = microphone.moment(spoken.begins)
    return await viewer.silence(since=began_at, frames=int(LONG_ENOUGH / 0.02)) - began_at


async def quiet(viewer: Viewer) -> None:
    """Wait until the avatar has been silent for 1.5 seconds."""
    await viewer.silence(since=now(), frames=75)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=16)
    parser.add_argument("--interruptions", type=int, default=12)
    options = parser.parse_args()
    context: dict[str, object] = CONTEXT | {"prompt": COFFEE.read_text(), "opening_text": None, "links": []}
    turns, interruptions = [], []
    async with room_rig() as rooms, avatar_rig(rooms) as rig:
        viewer, microphone = await talk(rig, context)
        for number in range(options.turns):
            question = ABOUT_COFFEE[number % len(ABOUT_COFFEE)]
            turns.append(await turn(viewer, microphone, question.text, PEOPLE[number % len(PEOPLE)]))
        for number in range(options.interruptions):
            text = INTERRUPTIONS[number % len(INTERRUPTIONS)]
            interruptions.append(await barge_in(viewer, microphone, text, PEOPLE[number % len(PEOPLE)]))
    print(
        f"{load()}; {sum(turn['understood'] for turn in turns):.0f} of {len(turns)} questions were understood"
    )
    print(summary("end of speech to first sound", [1000 * turn["sound"] for turn in turns], "ms"))
    print(summary("end of speech to first lip movement", [1000 * turn["lips"] for turn in turns], "ms"))
    print(summary("begin of an interruption to silence", [1000 * seconds for seconds in interruptions], "ms"))


async def talk(rig: AvatarRig, context: dict[str, object]) -> tuple[Viewer, Microphone]:
    """Start a session with a viewer and an open microphone; return when pictures arrive."""
    await rig.ready(context=context, voice={"name": "Ann", "espeak": "en-us+f3", "rate": 165, "pitch": 50})
    viewer = await rig.viewer()
    microphone = await rig.microphone(viewer)
    await viewer.pictures_seen(60)
    return viewer, microphone


if __name__ == "__main__":
    asyncio.run(main())
