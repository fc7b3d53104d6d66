"""The accuracy of offline speech recognition on the seeded contexts' questions, small talk and unrelated sentences.

espeak-ng speaks; PocketSphinx understands it less well than a person close to a microphone.
"""

import argparse
import asyncio
import time
from dataclasses import dataclass, field
from statistics import median

from benchmarks.stage import load
from rigs.sound.microphone_sound import in_room
from rigs.sound.spoken_questions import (
    ABOUT_COFFEE,
    ABOUT_THE_GUIDE,
    COFFEE,
    GUIDE,
    OFF_TOPIC,
    SMALL_TALK,
    Question,
)
from voice.answering.offline_brain import OfflineBrain
from voice.factory import build_recognizer
from voice.hearing.recognizer import Recognizer, Transcript
from voice.settings import SpeechSettings
from voice.speaking.espeak_speaker import EspeakSpeaker
from voice.speaking.resample import resample
from voice.speaking.speaker import Voice
from voice.speaking.utterance import SAMPLE_RATE as SPOKEN_RATE
from voice.text.normalization import spoken_words

VOICES = (
    Voice("en-us+f3", 165, 50),
    Voice("en-us+Annie", 155, 48),
    Voice("en-us+Mike", 165, 45),
    Voice("en-gb-x-rp+m3", 155, 40),
)
RATE = 16_000
BLOCK = 3_200  # bytes: 0.1 s, as a room delivers it


@dataclass
class Tally:
    """The results for the utterances of one kind."""

    spoken: int = 0
    right: int = 0
    not_understood: int = 0
    not_known: int = 0
    words: int = 0
    wrong_words: int = 0
    misses: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        wrong = self.spoken - self.right - self.not_understood - self.not_known
        shares = {
            "right answer": self.right,
            '"not in my context"': self.not_known,
            "not understood": self.not_understood,
            "wrong answer": wrong,
        }
        return (
            f"n={self.spoken:<4} word error rate {self.wrong_words / max(1, self.words):.2f}   "
            + "   ".join(f"{name} {count / self.spoken:.0%}" for name, count in shares.items())
        )


@dataclass
class Cost:
    """Seconds."""

    sound: float = 0.0
    cpu: float = 0.0
    finals: list[float] = field(default_factory=list)


def word_errors(said: str, heard: str) -> tuple[int, int]:
    """Return the words to insert, delete or replace in `heard`, and the number of words in `said`."""
    expected, found = spoken_words(said), spoken_words(heard)
    row = list(range(len(found) + 1))
    for number, word in enumerate(expected, start=1):
        diagonal, row[0] = row[0], number
        for position, other in enumerate(found, start=1):
            cost = min(row[position] + 1, row[position - 1] + 1, diagonal + (word != other))
            diagonal, row[position] = row[position], cost
    return row[-1], len(expected)


async def listen(recognizer: Recognizer, sound: bytes, cost: Cost) -> Transcript:
    """Feed `sound` as fast as it can be decoded."""
    before = time.process_time()
    recognition = recognizer.listen()
    for start in range(0, len(sound), BLOCK):
        await recognition.feed(sound[start : start + BLOCK])
    over = time.perf_counter()
    transcript = await recognition.finish()
    cost.finals.append(time.perf_counter() - over)
    cost.cpu += time.process_time() - before
    cost.sound += len(sound) / 2 / RATE
    return transcript


async def measure(name: str, prompt: str, questions: list[Question], noise: float, misses: bool) -> None:
    """Print the figures of one context."""
    began = time.perf_counter()
    recogniser = build_recognizer(SpeechSettings(), texts=[prompt])
    await recogniser.open()
    print(f"{name}: model built in {time.perf_counter() - began:.2f} s")
    brain = OfflineBrain(name="Ava", prompt=prompt)
    speaker, cost = EspeakSpeaker(), Cost()
    off_topic = [Question(text, "") for text in OFF_TOPIC]
    try:
        for kind, asked in (("questions", questions), ("small talk", SMALL_TALK), ("off topic", off_topic)):
            tally = Tally()
            for voice in VOICES:
                for question in asked:
                    spoken = await speaker.synthesize(question.text, voice)
                    sound = in_room(resample(spoken.pcm, SPOKEN_RATE, RATE), pause=0.4, noise=noise)
                    heard = (await listen(recogniser, sound, cost)).text
                    count(tally, question, heard, brain)
            if kind == "off topic":
                accepted = tally.spoken - tally.not_understood
                print(f"  {kind:<10} n={tally.spoken:<4} accepted by mistake {accepted / tally.spoken:4.0%}")
            else:
                print(f"  {kind:<10} {tally}")
            if misses:
                print("\n".join(f"    {miss}" for miss in tally.misses))
    finally:
        await speaker.close()
        await recogniser.close()
    print(
        f"  CPU {cost.cpu / cost.sound:.3f} s per second of sound; after its end "
        f"p50 {1000 * median(cost.finals):.1f} ms, max {1000 * max(cost.finals):.1f} ms"
    )


def count(tally: Tally, question: Question, heard: str, brain: OfflineBrain) -> None:
    tally.spoken += 1
    errors, words = word_errors(question.text, heard)
    tally.wrong_words += errors
    tally.words += words
    answer = brain.answer(heard)
    if not heard:
        tally.not_understood += 1
    elif question.answer and question.answer in answer:
        tally.right += 1
        return
    elif "not in my context" in answer:
        tally.not_known += 1
    if heard or question.answer:
        tally.misses.append(f"{question.text}  ->  {heard or '(not understood)'}")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--noise", type=float, default=40.0, help="RMS of the hiss; speech has 1000 to 2000")
    parser.add_argument("--misses", action="store_true", help="print the wrong answers")
    options = parser.parse_args()
    print(f"{len(VOICES)} voices, noise {options.noise:g}, {load()}")
    for path, questions in ((GUIDE, ABOUT_THE_GUIDE), (COFFEE, ABOUT_COFFEE)):
        await measure(path.stem, path.read_text("utf-8"), questions, options.noise, options.misses)


if __name__ == "__main__":
    asyncio.run(main())
