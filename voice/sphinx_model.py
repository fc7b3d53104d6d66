"""What one PocketSphinx decoder makes of the utterances it hears."""

import re
import time
from collections.abc import Sequence
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING

from voice.expectations import Expectations
from voice.sphinx_decoder import decoder
from voice.stt import Transcript
from voice.written import Writing

if TYPE_CHECKING:
    from pocketsphinx import Decoder, Hypothesis  # type: ignore[attr-defined]

NOTHING = Transcript("", 0.0)
BLOCK = 1280  # bytes: 40 ms of sound, about 2 ms of decoding in which no other thread runs
HYPOTHESES = 10  # likely readings of one utterance, of which the most plausible one counts
LONGEST_SEARCHED = 12  # words; to search the lattice takes 1 ms then, and up to 100 ms for a long muddle
LONGEST_TWICE = 6 * 32_000  # bytes: more than 6 s of sound is not decoded twice
SLOWEST = 20  # frames of 10 ms for a speech sound on average; people take 7 to 19, noise 23 and more
_NOISE = re.compile(r"<[^>]*>|\[[^\]]*\]")  # of the model: silence, breath


class Model:
    """A decoder, what it may hear, and the utterance it hears now. Used by one thread at a time."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._expectations = Expectations(texts)
        self._writing = Writing(texts)
        self._decoder: Decoder = decoder(self._expectations)
        self._utterance: object = None
        self._sound = bytearray()  # of the utterance, until somebody was understood
        # What the speaker's voice and microphone sound like, learned from what was understood and never from noise.
        self._levels: str = self._decoder.get_cmn(False)
        self._knows_the_speaker = False

    def hear(self, utterance: object, pcm: bytes) -> None:
        """Go on with `utterance`. If another one was under way it is over."""
        if self._utterance is not utterance:
            self.forget(self._utterance)
            self._decoder.start_utt()
            self._utterance = utterance
        if not self._knows_the_speaker:
            self._sound += pcm
        for start in range(0, len(pcm), BLOCK):
            self._decoder.process_raw(pcm[start : start + BLOCK], False, False)
            time.sleep(0)  # the decoder holds the GIL; the loop that paints may want it between two blocks

    def so_far(self) -> str:
        """What the utterance seems to be now; "" while that is nothing plausible."""
        if self._is_drawn_out():
            return ""
        meant, _ = self._expectations.understand(_words(self._decoder.hyp()))
        return self._writing.write(meant).rstrip(".?")

    def conclude(self, utterance: object) -> Transcript:
        """`utterance` is over. Nothing is known of one that another took the decoder from."""
        if self._utterance is not utterance:
            return NOTHING
        meant, confidence = self._understand()
        if not self._knows_the_speaker and len(self._sound) <= LONGEST_TWICE:
            # The first words come from a stranger. Now that their levels are known they are understood better.
            again = bytes(self._sound)
            self._decoder.get_cmn(True)
            self._decoder.start_utt()
            self.hear(utterance, again)
            meant, confidence = max((meant, confidence), self._understand(), key=itemgetter(1))
        if meant:
            self._levels = self._decoder.get_cmn(True)
            self._knows_the_speaker = True
        self._release()
        return Transcript(self._writing.write(meant), confidence)

    def forget(self, utterance: object) -> None:
        """End `utterance` if it is under way."""
        if utterance is not None and self._utterance is utterance:
            self._decoder.end_utt()
            self._release()

    def _understand(self) -> tuple[str, float]:
        """End the decoder's utterance. The most plausible of the likely readings counts."""
        self._decoder.end_utt()
        if self._is_drawn_out():
            return "", 0.0
        words = _words(self._decoder.hyp())
        readings = {words: None}
        if len(words.split()) <= LONGEST_SEARCHED:
            readings |= dict.fromkeys(map(_words, islice(self._decoder.nbest(), HYPOTHESES)))
        return max(map(self._expectations.understand, readings), key=itemgetter(1))

    def _is_drawn_out(self) -> bool:
        """A cough or a fan becomes a word too, but one that takes seconds."""
        words = [segment for segment in self._decoder.seg() or () if segment.word[0] not in "<["]
        frames = sum(segment.end_frame - segment.start_frame + 1 for segment in words)
        sounds = sum(len((self._decoder.lookup_word(segment.word) or "").split()) for segment in words)
        return bool(frames > SLOWEST * sounds)

    def _release(self) -> None:
        self._utterance = None
        self._sound.clear()
        self._decoder.set_cmn(self._levels)


def _words(hypothesis: "Hypothesis | None") -> str:
    return "" if hypothesis is None else " ".join(_NOISE.sub("", hypothesis.hypstr).split())
