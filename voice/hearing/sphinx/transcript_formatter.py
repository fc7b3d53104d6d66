"""Capitals and punctuation for recognised words: "what is liveavatar" becomes "What is LiveAvatar?"."""

import re
from collections.abc import Sequence

from voice.text.sentences import split_sentences
from voice.text.stop_words import STOP_WORDS

_QUESTION = re.compile(
    r"(what|what's|which|who|whom|whose|where|when|why|how|is|are|am|do|does|did|can|could|will|would|shall|should|"
    r"may|must|has|have)\b(?!$)"
)
_FIRST_PERSON = {"i": "I", "i'm": "I'm", "i'd": "I'd", "i'll": "I'll", "i've": "I've"}
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")


class TranscriptFormatter:
    """Knows the names in `texts` by their capitals inside a sentence: LiveAvatar, Quay Street, API."""

    def __init__(self, texts: Sequence[str]) -> None:
        names: dict[str, str] = {}
        lower = set(STOP_WORDS)
        for text in texts:
            for sentence in split_sentences(text):
                for position, word in enumerate(_WORD.findall(sentence)):
                    if word.islower():
                        lower.add(word)
                    elif position > 0 or not word.istitle():
                        names.setdefault(word.lower(), word)
        # A word that also occurs in lower case is no name: "Coffee:" is a heading.
        self._spellings = {word: name for word, name in names.items() if word not in lower} | _FIRST_PERSON

    def format(self, words: str) -> str:
        """Write `words` with capitals and a mark at the end; "" stays ""."""
        if not words:
            return ""
        text = " ".join(self._spellings.get(word, word) for word in words.split())
        return text[0].upper() + text[1:] + ("?" if _QUESTION.match(words) else ".")
