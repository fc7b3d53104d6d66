"""Searching a context: its facts as sentences, ranked by BM25."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from voice.sentences import split_sentences

K1, B = 1.4, 0.6
KEY_LENGTH = 6  # letters; lets "deliver" meet "delivery"
ENOUGH = 0.34  # share of the question's weight a passage must cover to count as an answer
CLOSE = 0.75  # of the best score: a second passage worth adding
SUBJECT = 2.0  # a sentence that begins with what is asked for is about it: "LiveAvatar is a service"

STOP_WORDS = frozenset(
    """
    a about all am an and any are as at be been but by can could did do does for from had has have how i
    if in is it its let like me more much my need of on or please s should so some tell than that the
    their them then there these they this to us want was we were what when where which who why will with
    would you your
    """.split()  # noqa: SIM905 - words read better as prose
)
_INSTRUCTION = re.compile(
    r"(you are|you're|you will|you must|you should|your (role|task|job|goal|name|tone)|never|always|keep|"
    r"do not|don't|be|act|answer|speak|respond|reply|avoid|use|make sure|(if|when) (the|a) user|if asked|"
    r"please|ask the user|greet|introduce yourself|stay|limit|remember)\b",
    re.IGNORECASE,
)
_LABEL = re.compile(r"^\s*(?:[-*#]+\s*)?([A-Z][\w' &/-]{2,40}):\s+(?=\S)", re.MULTILINE)
_QUESTION_AND_ANSWER = re.compile(r"Q\s*:\s*(.+?)\s*A\s*:\s*(.+?)\s*(?=Q\s*:|$)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Passage:
    """`keys` are searched, `text` is spoken."""

    text: str
    keys: Counter[str]
    opening: tuple[str, ...]  # the keys in the order of the text


class Passages:
    """The facts of one context."""

    def __init__(self, prompt: str, faqs: Sequence[str]) -> None:
        self._passages = [*_facts(prompt), *(passage for faq in faqs for passage in _answers(faq))]
        lengths = [passage.keys.total() for passage in self._passages]
        self._average = sum(lengths) / len(lengths) if lengths else 1.0
        self._holders = Counter(key for passage in self._passages for key in passage.keys)
        self.topics = list(
            dict.fromkeys(label.strip() for label in _LABEL.findall("\n".join([prompt, *faqs])))
        )

    def __len__(self) -> int:
        return len(self._passages)

    def search(self, question: str) -> list[str]:
        """The best passage and a close second one, or nothing when none covers enough of the question."""
        asked = set(_keys(question))
        weight = sum(self._rarity(key) for key in asked)
        if not weight:
            return []
        ranked = sorted(self._passages, key=lambda passage: self._score(asked, passage), reverse=True)[:2]
        best = self._score(asked, ranked[0]) if ranked else 0.0
        return [
            passage.text
            for passage in ranked
            if sum(self._rarity(key) for key in asked & passage.keys.keys()) >= ENOUGH * weight
            and self._score(asked, passage) >= CLOSE * best
        ]

    def _score(self, asked: set[str], passage: Passage) -> float:
        norm = K1 * (1 - B + B * passage.keys.total() / self._average)
        score = sum(
            self._rarity(key) * passage.keys[key] * (K1 + 1) / (passage.keys[key] + norm)
            for key in asked
            if key in passage.keys
        )
        return score * SUBJECT if asked == set(passage.opening[: len(asked)]) else score

    def _rarity(self, key: str) -> float:
        # A word nobody holds counts as one that somebody does: in a small context it would outweigh all others.
        holders = max(1, self._holders[key])
        return math.log(1 + (len(self._passages) - holders + 0.5) / (holders + 0.5))


def _facts(prompt: str) -> list[Passage]:
    sentences = (" ".join(sentence.split()).lstrip("-*#• ") for sentence in split_sentences(prompt))
    return [
        _passage(sentence, sentence)
        for sentence in sentences
        if len(sentence) > 12 and not _INSTRUCTION.match(sentence)
    ]


def _answers(faq: str) -> list[Passage]:
    """Of "Q: ... A: ..." pairs the answer is spoken and both are searched; other texts are facts."""
    pairs = _QUESTION_AND_ANSWER.findall(faq)
    if not pairs:
        return _facts(faq)
    return [_passage(" ".join(answer.split()), f"{question} {answer}") for question, answer in pairs]


def _passage(text: str, searched: str) -> Passage:
    keys = _keys(searched)
    return Passage(text, Counter(keys), tuple(keys))


def _keys(text: str) -> list[str]:
    words = re.findall(r"\w+", text.lower())
    return [_stem(word)[:KEY_LENGTH] for word in words if word not in STOP_WORDS]


def _stem(word: str) -> str:
    """`word` without its plural, then without its grammatical ending: "Sundays" meets "Sunday"."""
    for endings in (("ies", "es", "s"), ("ing", "ed", "e", "y")):
        ending = next((ending for ending in endings if word.endswith(ending)), "")
        if ending and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
    return word
