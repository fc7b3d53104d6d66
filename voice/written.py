"""Recognised words as people write them: "what is liveavatar" is "What is LiveAvatar?"."""

import re
from collections.abc import Sequence

from voice.passages import STOP_WORDS
from voice.sentences import split_sentences

_QUESTION = re.compile(
    r"(what|what's|which|who|whom|whose|where|when|why|how|is|are|am|do|does|did|can|could|will|would|shall|should|"
    r"may|must|has|have)\b(?!$)"
)
_SELF = {"i": "I", "i'm": "I'm", "i'd": "I'd", "i'll": "I'll", "i've": "I've"}
_NAME = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")


class Writing:
    """Knows the names in `texts` by their capitals inside a sentence: LiveAvatar, Quay Street, API."""

    def __init__(self, texts: Sequence[str]) -> None:
        names: dict[str, str] = {}
        lower = set(STOP_WORDS)
        for text in texts:
            for sentence in split_sentences(text):
                for position, word in enumerate(_NAME.findall(sentence)):
                    if word.islower():
                        lower.add(word)
                    elif position > 0 or not word.istitle():
                        names.setdefault(word.lower(), word)
        # What is written both ways is no name: "Coffee:" is a heading, and coffee is coffee.
        self._written = {word: name for word, name in names.items() if word not in lower} | _SELF

    def write(self, words: str) -> str:
        """`words` with capitals and a mark at the end; "" stays ""."""
        if not words:
            return ""
        written = " ".join(self._written.get(word, word) for word in words.split())
        return written[0].upper() + written[1:] + ("?" if _QUESTION.match(words) else ".")
