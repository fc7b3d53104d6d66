"""The mouth shapes of speech whose phonemes are unknown, from its sound.

A small network reads the mouth from the last 80 ms of sound. `simulator.avatar.train_lips` trains it on synthetic
voices, whose phonemes are known. The mouth moves with the sound, without looking ahead in the stream; a mouth from
phonemes leads the sound by 20 ms.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from simulator.avatar.lips import PRESS, TEETH, Mouth, MouthTrack, open_mouth
from simulator.avatar.mel_bands import Floats, MelBands, samples_of
from voice.speaking.utterance import SAMPLE_RATE

NETWORK = Path(__file__).with_name("lips_from_sound.npz")
SILENT = -5.0  # decades of power; softer sound does not move the lips
SWIFT = 0.7  # share of the way to the next shape per step; keeps lips from trembling
SURE = 0.5  # output above which lips meet, or teeth touch the lip


class Network(NamedTuple):
    """One hidden layer. `inner` is (features + 1, hidden), `outer` (hidden + 1, 4); last rows are the biases."""

    inner: Floats
    outer: Floats

    def __call__(self, features: Floats) -> Floats:
        """Map (steps, features) to (steps, 4): opening, width, lips that meet, teeth on the lip; all 0 to 1."""
        hidden = np.tanh(features @ self.inner[:-1] + self.inner[-1])
        mouths: Floats = 1 / (1 + np.exp(-(hidden @ self.outer[:-1] + self.outer[-1])))
        return mouths


class SoundLips:
    """Reads the mouth of one stream of speech, piece by piece."""

    def __init__(self) -> None:
        self._network = trained_network()
        self.reset()

    def reset(self) -> None:
        """Begin a new utterance."""
        self._bands = MelBands()
        self._opening, self._width = 0.0, 0.5
        self._pressed = False

    def listen(self, pcm: bytes) -> MouthTrack:
        """Return the mouth over this piece: 24 kHz, 16-bit little-endian mono, any number of whole samples.

        Shapes lie on a grid of `lips.STEP` that continues from piece to piece, so the size of pieces matters little.
        A call takes time in proportion to its piece: in an event loop, pass pieces of a second at most.
        """
        if not pcm:
            return MouthTrack([])
        begun = self._bands.into_hop / SAMPLE_RATE
        features, loudness = self._bands.measure(samples_of(pcm))
        mouths = self._network(features)
        mouths[loudness < SILENT] = 0.0
        return MouthTrack([self._mouth(*mouth) for mouth in mouths.tolist()], begun)

    def _mouth(self, opening: float, width: float, meet: float, teeth: float) -> Mouth:
        press = meet > SURE
        held, self._pressed = self._pressed, press
        self._opening += SWIFT * (opening - self._opening)
        self._width += SWIFT * (width - self._width)
        if press or held:  # for two steps at least, so that a video frame shows closed lips
            return PRESS
        if teeth > SURE:
            return TEETH
        return open_mouth(self._opening, self._width)


@cache
def trained_network() -> Network:
    """Return the trained network. Raises `FileNotFoundError` if its file is missing."""
    with np.load(NETWORK) as weights:
        return Network(weights["inner"], weights["outer"])
