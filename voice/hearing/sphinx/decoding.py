"""Decode one utterance after another with PocketSphinx, and learn the speaker's sound on the way."""

import re
import time
from collections.abc import Sequence
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING

from voice.hearing.recognizer import BYTES_PER_SECOND, NOT_UNDERSTOOD, Transcript
from voice.hearing.sphinx.expected_phrases import ExpectedPhrases
from voice.hearing.sphinx.loading import load_decoder
from voice.hearing.sphinx.transcript_formatter import TranscriptFormatter

if TYPE_CHECKING:
    from pocketsphinx import Decoder, Hypothesis  # type: ignore[attr-defined]

BLOCK = 1280  # bytes: 40 ms of sound, about 2 ms of decoding in which no other thread runs
HYPOTHESES = 10  # of one utterance, from which the most plausible is taken
LONGEST_SEARCHED = 12  # words; a lattice search takes 1 ms up to there, and 100 ms for a long muddle
LONGEST_REPLAYED = 6 * BYTES_PER_SECOND  # bytes; a longer utterance is not decoded twice
SLOWEST = 20  # frames of 10 ms per phone on average; people take 7 to 19, noise 23 and more
_FILLER = re.compile(r"<[^>]*>|\[[^\]]*\]")  # the acoustic model's words for silence and breath


class UtteranceDecoder:
    """A loaded decoder and the utterance it decodes now. Used by one thread at a time.

    An utterance is known by its identity: any object serves.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        """`texts` is what the conversation is about. Takes 0.3 to 0.6 s. Raises `HearingUnavailable`."""
        self._expected = ExpectedPhrases(texts)
        self._formatter = TranscriptFormatter(texts)
        self._decoder: Decoder = load_decoder(self._expected)
        self._utterance: object = None
        self._sound = bytearray()  # of the utterance, until the first one was understood
        # Cepstral means: what this speaker and microphone sound like. Learned from understood speech, never from noise.
        self._means: str = self._decoder.get_cmn(False)
        self._knows_the_speaker = False

    def feed(self, utterance: object, pcm: bytes) -> None:
        """Decode more of `utterance`. Another one that was under way is abandoned."""
        if self._utterance is not utterance:
            self.abandon(self._utterance)
            self._decoder.start_utt()
            self._utterance = utterance
        if not self._knows_the_speaker:
            self._sound += pcm
        for start in range(0, len(pcm), BLOCK):
            self._decoder.process_raw(pcm[start : start + BLOCK], False, False)
            time.sleep(
                0
            )  # the decoder holds the GIL; let the loop that paints the avatar run between two blocks

    def interim_text(self) -> str:
        """Return the text of the utterance so far, "" while it is not plausible."""
        if self._is_drawn_out():
            return ""
        words, _ = self._expected.match(_words(self._decoder.hyp()))
        return self._formatter.format(words).rstrip(".?")

    def finish(self, utterance: object) -> Transcript:
        """Return the transcript of `utterance`; `NOT_UNDERSTOOD` if another one took the decoder from it."""
        if self._utterance is not utterance:
            return NOT_UNDERSTOOD
        words, confidence = self._end_utterance()
        if not self._knows_the_speaker and len(self._sound) <= LONGEST_REPLAYED:
            # The decoder now knows how this speaker sounds, and understands the first utterance better.
            replay = bytes(self._sound)
            self._decoder.get_cmn(True)
            self._decoder.start_utt()
            self.feed(utterance, replay)
            words, confidence = max((words, confidence), self._end_utterance(), key=itemgetter(1))
        if words:
            self._means = self._decoder.get_cmn(True)
            self._knows_the_speaker = True
        self._release()
        return Transcript(self._formatter.format(words), confidence)

    def abandon(self, utterance: object) -> None:
        """Drop `utterance` if it is under way."""
        if utterance is not None and self._utterance is utterance:
            self._decoder.end_utt()
            self._release()

    def _end_utterance(self) -> tuple[str, float]:
        """End the decoder's utterance. Returns its most plausible words and their confidence."""
        self._decoder.end_utt()
        if self._is_drawn_out():
            return "", 0.0
        words = _words(self._decoder.hyp())
        hypotheses = {words: None}
        if len(words.split()) <= LONGEST_SEARCHED:
            hypotheses |= dict.fromkeys(map(_words, islice(self._decoder.nbest(), HYPOTHESES)))
        return max(map(self._expected.match, hypotheses), key=itemgetter(1))

    def _is_drawn_out(self) -> bool:
        """Tell noise from speech: a cough or a fan is decoded as a word too, but as one that takes seconds."""
        words = [segment for segment in self._decoder.seg() or () if segment.word[0] not in "<["]
        frames = sum(segment.end_frame - segment.start_frame + 1 for segment in words)
        phones = sum(len((self._decoder.lookup_word(segment.word) or "").split()) for segment in words)
        return bool(frames > SLOWEST * phones)

    def _release(self) -> None:
        self._utterance = None
        self._sound.clear()
        self._decoder.set_cmn(self._means)


def _words(hypothesis: "Hypothesis | None") -> str:
    return "" if hypothesis is None else " ".join(_FILLER.sub("", hypothesis.hypstr).split())
