"""The latency of our own agent at a visitor's ears and eyes: of its answers, and of its silence after a barge-in.

Like `benchmarks.turn`, in CUSTOM mode; site, simulator and agent are processes of their own. Turn: from the last voiced
sample of a question to the first sound of its answer, and to the first picture with an open mouth. Barge-in: from the
first voiced sample of an interruption to the avatar's last sound. Typed: from sending a typed question to the first
sound.
"""

import argparse
import asyncio
from dataclasses import dataclass, field

from benchmarks.stage import load, summary
from benchmarks.turn import INTERRUPTIONS, barge_in, now, quiet, turn
from rigs.agent.custom_stage import CustomStage, custom_stage
from rigs.rooms.guest import HOSTED, OWN, Guest, visiting
from rigs.rooms.room_rig import EMBEDDED, REAL
from rigs.sound.microphone import PEOPLE, Microphone
from rigs.sound.spoken_questions import ABOUT_COFFEE
from simulator.avatar.quiet import calm_native_libraries

calm_native_libraries()

# The latencies that the agent measures itself, and their parts of the way.
OF_THE_AGENT = {
    "end_of_turn_delay": "end of speech to end of turn",
    "transcription_delay": "end of speech to its text",
    "llm_node_ttft": "text to first words",
    "tts_node_ttfb": "words to first sound",
    "playback_latency": "sound to the avatar's start",
    "e2e_latency": "end of speech to the start",
}
GOES_ON_WITHIN = 2.5  # seconds after an interruption until a false one is resumed


@dataclass
class Figures:
    """Milliseconds."""

    sound: list[float] = field(default_factory=list)
    lips: list[float] = field(default_factory=list)
    silence: list[float] = field(default_factory=list)
    typed: list[float] = field(default_factory=list)
    agent: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in OF_THE_AGENT})
    understood: int = 0


async def measure(stage: CustomStage, answerer: str, count: int) -> Figures:
    found = Figures()
    async with visiting(stage.site.url, answerer) as guest:
        microphone = await Microphone(guest.room).open()
        try:
            await guest.viewer.pictures_seen(60)
            for number in range(count):
                question, person = ABOUT_COFFEE[number % len(ABOUT_COFFEE)], PEOPLE[number % len(PEOPLE)]
                seconds = await turn(guest.viewer, microphone, question.text, person)
                found.sound.append(1000 * seconds["sound"])
                found.lips.append(1000 * seconds["lips"])
            for number in range(count):
                found.typed.append(1000 * await typed(guest, ABOUT_COFFEE[number % len(ABOUT_COFFEE)].text))
            heard = [text for role, text in stage.turns(guest.key) if role == "user"]
            found.understood = len(heard) - count
            for number in range(count):
                text, person = INTERRUPTIONS[number % len(INTERRUPTIONS)], PEOPLE[number % len(PEOPLE)]
                found.silence.append(1000 * await barge_in(guest.viewer, microphone, text, person))
                # The agent now answers, or resumes if it recognised nothing. Neither is measured.
                await asyncio.sleep(GOES_ON_WITHIN)
                await guest.interrupt()
        finally:
            await microphone.close()
        for answer in stage.events(guest.key, "agent.answered"):
            for name, seconds in answer["seconds"].items():
                if name in found.agent and "end_of_turn_delay" in answer["seconds"]:
                    found.agent[name].append(1000 * seconds)
    return found


async def typed(guest: Guest, text: str) -> float:
    """Return the seconds from a typed question to the first sound of its answer, and interrupt the answer."""
    await quiet(guest.viewer)
    asked_at = now()
    await guest.ask(text)
    answered_at = await guest.viewer.sound(since=asked_at)
    await guest.interrupt()
    return answered_at - asked_at


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--count", type=int, default=12, help="turns, interruptions and typed questions, each"
    )
    parser.add_argument(
        "--server", choices=[EMBEDDED, REAL], default=EMBEDDED, help="the server of the rooms"
    )
    parser.add_argument("--rooms", nargs="+", choices=[OWN, HOSTED], default=[OWN, HOSTED])
    options = parser.parse_args()
    async with custom_stage(options.server, workers=1) as stage:
        for answerer in options.rooms:
            report(f"{answerer} on {options.server}", await measure(stage, answerer, options.count))


def report(title: str, found: Figures) -> None:
    print(f"{title}; {load()}; {found.understood} of {len(found.sound)} questions were recognised")
    print(summary("  end of speech to first sound", found.sound, "ms"))
    print(summary("  end of speech to first lip movement", found.lips, "ms"))
    print(summary("  begin of an interruption to silence", found.silence, "ms"))
    print(summary("  typed question to first sound", found.typed, "ms"))
    for name, words in OF_THE_AGENT.items():
        if found.agent[name]:
            print(summary(f"    by the agent: {words}", found.agent[name], "ms"))


if __name__ == "__main__":
    asyncio.run(main())
