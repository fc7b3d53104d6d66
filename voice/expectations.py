"""What somebody may say in one conversation: small talk, and questions about what its texts are about."""

import re
from collections import Counter
from collections.abc import Sequence

from voice.passages import STOP_WORDS
from voice.phrases import OTHER_FRAMES, QUESTIONS, SMALL_TALK, USUAL_FRAMES, phrases
from voice.sentences import split_sentences
from voice.spoken import spoken_words

SMALL_TALK_WEIGHT, QUESTION_WEIGHT = 25, 12  # how often a phrase counts beside thousands of framed ones
LONGEST_TERM = 2  # words
MOST_TERMS = 600  # with more of them the model takes too long to make
MOST_SENTENCES = 2_000
# A term that is named once gets all usual frames and every fourth of the others: enough for the model.
THINNING = 4
MOST_WEIGHT = 2 * THINNING
LABEL_WEIGHT = THINNING  # "Prices:" is a word that people will use

# Of 100, the likeness to something expected. `benchmarks.stt` shows what passes and what does not.
PLAUSIBLE = 76.0

_CLAUSE = re.compile(r"[,;:.!?()\n]+")
_LABEL = re.compile(r"\s*[-*#]*\s*([A-Z][\w' -]{2,40}):(\s|$)")


class Expectations:
    """`texts`: sentences of the context, questions and answers; [] leaves small talk and general questions."""

    def __init__(self, texts: Sequence[str]) -> None:
        sentences = [sentence for text in texts for sentence in split_sentences(text)][:MOST_SENTENCES]
        self._sentences = [" ".join(words) for sentence in sentences if (words := spoken_words(sentence))]
        self._terms = _terms(sentences)
        known = phrases(SMALL_TALK) + phrases(QUESTIONS)
        self._well_known = len(known)
        frames = phrases(USUAL_FRAMES) + phrases(OTHER_FRAMES)
        framed = dict.fromkeys(frame.replace("*", term) for term in self._terms for frame in frames)
        self._expected = [*known, *self._sentences, *framed]

    def lines(self) -> list[str]:
        """A corpus for a language model: what is likely is in it often."""
        usual, others = phrases(USUAL_FRAMES), phrases(OTHER_FRAMES)
        framed = [
            frame.replace("*", term)
            for position, (term, weight) in enumerate(self._terms.items())
            for number, frame in enumerate(usual + others)
            for _ in range(weight if number < len(usual) else _share(weight, position + number))
        ]
        talk = phrases(SMALL_TALK) * SMALL_TALK_WEIGHT
        return self._sentences * 2 + framed + talk + phrases(QUESTIONS) * QUESTION_WEIGHT

    def understand(self, words: str) -> tuple[str, float]:
        """What was meant by recognised `words`, and how plausible that is, 0 to 1.

        "" if nothing like it is expected here: a small vocabulary turns whatever it hears into its own words, but
        not into sentences. Takes about 2 ms.
        """
        # Imported here: 3 MB that a process without speech does not need.
        from rapidfuzz import fuzz, process

        if not words:
            return "", 0.0
        found = process.extractOne(words, self._expected, scorer=fuzz.ratio, score_cutoff=PLAUSIBLE)
        if found is None:
            return "", 0.0
        expected, likeness, position = found
        # "thank you many much" is not quite anything, and nothing comes closer to it than "thank you very much".
        well_known = position < self._well_known
        return (expected if well_known else words), likeness / 100


def _share(weight: int, place: int) -> int:
    """How often a term gets the frame at `place`: a quarter of `weight` on average."""
    return (weight + THINNING - 1 - place % THINNING) // THINNING


def _terms(sentences: Sequence[str]) -> dict[str, int]:
    """What can be asked for, with its weight: a word or two of a clause without stop words at the ends."""
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
                    if _can_be_asked_for(term := words[start : start + length])
                )
    return {term: min(weight, MOST_WEIGHT) for term, weight in terms.most_common(MOST_TERMS) if term}


def _can_be_asked_for(term: Sequence[str]) -> bool:
    return term[0] not in STOP_WORDS and term[-1] not in STOP_WORDS and len(term[0]) > 1
