"""What a visitor may say in one conversation: small talk, and questions about what its texts are about."""

import re
from collections import Counter
from collections.abc import Sequence

from voice.hearing.sphinx.common_phrases import (
    OTHER_FRAMES,
    QUESTIONS,
    SMALL_TALK,
    USUAL_FRAMES,
    split_phrases,
)
from voice.text.normalization import spoken_words
from voice.text.sentences import split_sentences
from voice.text.stop_words import STOP_WORDS

SMALL_TALK_WEIGHT, QUESTION_WEIGHT = 25, 12  # repetitions of a phrase, beside thousands of framed ones
LONGEST_TERM = 2  # words
MOST_TERMS = 600  # with more of them the language model takes too long to make
MOST_SENTENCES = 2_000
# A term that is named once gets all usual frames and every fourth of the others: enough for the language model.
THINNING = 4
MOST_WEIGHT = 2 * THINNING
LABEL_WEIGHT = THINNING  # "Prices:" is a word that people will use

# Of 100: the least similarity to an expected phrase. `benchmarks.stt` shows what passes and what does not.
PLAUSIBLE = 76.0

_CLAUSE = re.compile(r"[,;:.!?()\n]+")
_LABEL = re.compile(r"\s*[-*#]*\s*([A-Z][\w' -]{2,40}):(\s|$)")


class ExpectedPhrases:
    """All phrases of one conversation, in spoken words: `corpus` for a language model, `match` for its results."""

    def __init__(self, texts: Sequence[str]) -> None:
        """`texts`: sentences of the context, questions and answers; [] leaves small talk and general questions."""
        sentences = [sentence for text in texts for sentence in split_sentences(text)][:MOST_SENTENCES]
        self._sentences = [" ".join(words) for sentence in sentences if (words := spoken_words(sentence))]
        self._terms = _weighted_terms(sentences)
        common = split_phrases(SMALL_TALK) + split_phrases(QUESTIONS)
        self._common = len(common)
        frames = split_phrases(USUAL_FRAMES) + split_phrases(OTHER_FRAMES)
        framed = dict.fromkeys(frame.replace("*", term) for term in self._terms for frame in frames)
        self._phrases = [*common, *self._sentences, *framed]

    def corpus(self) -> list[str]:
        """Return the lines of a corpus for a language model. What is likely is repeated."""
        usual, others = split_phrases(USUAL_FRAMES), split_phrases(OTHER_FRAMES)
        framed = [
            frame.replace("*", term)
            for position, (term, weight) in enumerate(self._terms.items())
            for number, frame in enumerate(usual + others)
            for _ in range(weight if number < len(usual) else _thinned(weight, position + number))
        ]
        small_talk = split_phrases(SMALL_TALK) * SMALL_TALK_WEIGHT
        return self._sentences * 2 + framed + small_talk + split_phrases(QUESTIONS) * QUESTION_WEIGHT

    def match(self, words: str) -> tuple[str, float]:
        """Return the words that were meant by recognised `words`, and their plausibility from 0 to 1.

        ("", 0.0) if no expected phrase is similar: a small vocabulary turns any sound into its own words, but not
        into sentences. Takes about 2 ms.
        """
        # Imported here: 3 MB that a process without speech does not need.
        from rapidfuzz import fuzz, process

        if not words:
            return "", 0.0
        found = process.extractOne(words, self._phrases, scorer=fuzz.ratio, score_cutoff=PLAUSIBLE)
        if found is None:
            return "", 0.0
        phrase, similarity, position = found
        # A common phrase replaces a misheard one: "thank you many much" becomes "thank you very much".
        return (phrase if position < self._common else words), similarity / 100


def _thinned(weight: int, place: int) -> int:
    """Return how often a term gets the frame at `place`: a quarter of `weight` on average."""
    return (weight + THINNING - 1 - place % THINNING) // THINNING


def _weighted_terms(sentences: Sequence[str]) -> dict[str, int]:
    """Find what a visitor can ask for: a word or two of a clause without stop words at the ends."""
    terms: Counter[str] = Counter()
    for sentence in sentences:
        if label := _LABEL.match(sentence):
            terms[" ".join(spoken_words(label[1]))] += LABEL_WEIGHT
        for clause in _CLAUSE.split(sentence):
            words = spoken_words(clause)
            for length in range(1, LONGEST_TERM + 1):
                terms.update(
                    " ".join(term)
                    for start in range(len(words) - length + 1)
                    if _is_term(term := words[start : start + length])
                )
    return {term: min(weight, MOST_WEIGHT) for term, weight in terms.most_common(MOST_TERMS) if term}


def _is_term(words: Sequence[str]) -> bool:
    return words[0] not in STOP_WORDS and words[-1] not in STOP_WORDS and len(words[0]) > 1
