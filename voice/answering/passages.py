"""Search a context: its facts as sentences, ranked by BM25."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from voice.text.sentences import split_sentences
from voice.text.stop_words import STOP_WORDS

K1, B = 1.4, 0.6  # BM25: how soon a repeated word stops counting, how much a long passage loses
KEY_LENGTH = 6  # letters; lets "deliver" match "delivery"
ENOUGH = 0.34  # the least share of the question's weight that an answer must cover
CLOSE = 0.75  # the least share of the best score that a second passage must reach
SUBJECT = (
    2.0  # factor for a sentence about the question's subject, which begins with it: "LiveAvatar is a service"
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
    """`keys` are searched, `text` is spoken. Keys are stemmed words without stop words."""

    text: str
    keys: Counter[str]
    opening: tuple[str, ...]  # `keys` in the order of the text


class PassageIndex:
    """The facts of one context. `topics` are its headings, such as "Delivery" of "Delivery: ..."."""

    def __init__(self, prompt: str, faqs: Sequence[str]) -> None:
        self._passages = [*_read_facts(prompt), *(passage for faq in faqs for passage in _read_faq(faq))]
        lengths = [passage.keys.total() for passage in self._passages]
        self._average = sum(lengths) / len(lengths) if lengths else 1.0
        self._holders = Counter(key for passage in self._passages for key in passage.keys)
        self.topics = list(
            dict.fromkeys(label.strip() for label in _LABEL.findall("\n".join([prompt, *faqs])))
        )

    def __len__(self) -> int:
        return len(self._passages)

    def search(self, question: str) -> list[str]:
        """Return the best passage and a close second one; [] when none covers enough of the question."""
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
        # A word that no passage holds counts as if one did. Else it would outweigh all others in a small context.
        holders = max(1, self._holders[key])
        return math.log(1 + (len(self._passages) - holders + 0.5) / (holders + 0.5))


def _read_facts(prompt: str) -> list[Passage]:
    sentences = (" ".join(sentence.split()).lstrip("-*#• ") for sentence in split_sentences(prompt))
    return [
        _make_passage(sentence, sentence)
        for sentence in sentences
        if len(sentence) > 12 and not _INSTRUCTION.match(sentence)
    ]


def _read_faq(faq: str) -> list[Passage]:
    """Read "Q: ... A: ..." pairs: both are searched, the answer is spoken. Any other text is read as facts."""
    pairs = _QUESTION_AND_ANSWER.findall(faq)
    if not pairs:
        return _read_facts(faq)
    return [_make_passage(" ".join(answer.split()), f"{question} {answer}") for question, answer in pairs]


def _make_passage(text: str, searched: str) -> Passage:
    keys = _keys(searched)
    return Passage(text, Counter(keys), tuple(keys))


def _keys(text: str) -> list[str]:
    words = re.findall(r"\w+", text.lower())
    return [_stem(word)[:KEY_LENGTH] for word in words if word not in STOP_WORDS]


def _stem(word: str) -> str:
    """Cut off the plural, then the grammatical ending: "Sundays" matches "Sunday"."""
    for endings in (("ies", "es", "s"), ("ing", "ed", "e", "y")):
        ending = next((ending for ending in endings if word.endswith(ending)), "")
        if ending and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
    return word
