"""The words of an utterance and when each begins."""

import re
from dataclasses import dataclass

from voice.speaking.utterance import Utterance


@dataclass(frozen=True, slots=True)
class Caption:
    """`text` includes its white space: the captions of an utterance, joined, are its text."""

    text: str
    start: float  # seconds from the start of the utterance


def captions(utterance: Utterance) -> list[Caption]:
    """Return one caption per written word. "$25" is spoken as several words and begins with the first of them."""
    found: list[Caption] = []
    marks = sorted(utterance.words, key=lambda mark: (mark.position, mark.start_ms))
    index, start = 0, 0.0
    for match in re.finditer(r"\s*\S+\s*", utterance.text):
        while index < len(marks) and marks[index].position < match.start():
            index += 1
        if index < len(marks) and marks[index].position < match.end():
            start = max(start, marks[index].start_ms / 1000)
        found.append(Caption(match.group(), start))
    return found
