"""The mouth shapes of speech, from its phonemes."""
# ruff: noqa: RUF001 - these are letters of the IPA, not the Latin ones that they resemble

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor

from voice.speaking.utterance import PhonemeMark

STEP = 0.02  # seconds between the shapes of a track
ANTICIPATION_MS = 20  # lips move before the sound is heard
SHORTEST_PRESS = 2  # steps: closed lips must meet at least one video frame of 40 ms
OPENINGS, WIDTHS = 7, 4  # highest indices of the mouth sprites


@dataclass(frozen=True, slots=True)
class Mouth:
    """`opening` is 0 (shut) to 1. An empty `sprite` is a mouth at rest, whose smile depends on the mood."""

    sprite: str
    opening: float


REST = Mouth("", 0.0)
PRESS = Mouth("mouth_press", 0.0)
TEETH = Mouth("mouth_fv", 0.1)

# IPA -> opening, width. Chosen by eye for the drawing, not measured on a speaker.
_SHAPES: dict[str, tuple[float, float]] = {
    **dict.fromkeys("aɑæɶ", (0.95, 0.60)),
    **dict.fromkeys("ʌɐ", (0.72, 0.50)),
    **dict.fromkeys("ɛeœ", (0.62, 0.78)),
    **dict.fromkeys("iɪj", (0.34, 1.00)),
    **dict.fromkeys("əɚɜɝɘɵɹrɾʁ", (0.38, 0.38)),
    **dict.fromkeys("oɔɒɤ", (0.66, 0.20)),
    **dict.fromkeys("uʊwyøʏɯɥ", (0.36, 0.02)),
    **dict.fromkeys("ʃʒɕʑ", (0.26, 0.15)),
    **dict.fromkeys("tdnszlkɡgŋcɟɲʎxɣçhɦqθðʔɫʈɖɳʂʐɬʝ", (0.24, 0.62)),
}
_VOWELS = frozenset("aɑæɶʌɐɛeœiɪəɚɜɝɘɵoɔɒɤuʊyøʏɯ")
_UNSTRESSED = 0.8  # of the opening


class MouthTrack:
    """The mouth over one stretch of sound, one shape per `STEP`."""

    def __init__(self, shapes: list[Mouth], begun: float = 0.0) -> None:
        """`begun`: seconds that the first shape begins before the sound."""
        self._shapes = shapes
        self._begun = begun

    def at(self, seconds: float) -> Mouth:
        """Return the shape `seconds` after the start of the sound; at rest before and after the track."""
        index = floor((seconds + self._begun) / STEP)
        return self._shapes[index] if 0 <= index < len(self._shapes) else REST


def open_mouth(opening: float, width: float) -> Mouth:
    """Return the sprite nearest to an opening and a width, both 0 to 1."""
    if opening < 0.05:
        return REST
    return Mouth(f"mouth_open{max(1, round(opening * OPENINGS))}_wide{round(width * WIDTHS)}", opening)


def track_from_phonemes(phonemes: Iterable[PhonemeMark], seconds: float) -> MouthTrack:
    """Return the mouth of an utterance of `seconds`, from its timed IPA phonemes."""
    targets: list[Mouth | tuple[float, float]] = [REST] * (round(seconds / STEP) + 1)
    marks = list(phonemes)
    held = 0
    for mark, start, end in zip(marks, _starts(marks), [*_starts(marks)[1:], len(targets)], strict=True):
        shapes = _shapes(mark.ipa)
        if shapes == [PRESS]:
            held = end = max(end, start + SHORTEST_PRESS)
        for index in range(start if shapes == [PRESS] else max(start, held), min(end, len(targets))):
            targets[index] = shapes[(index - start) * len(shapes) // max(1, end - start)]
    return MouthTrack([_smoothed(targets, index) for index in range(len(targets))])


def _starts(marks: list[PhonemeMark]) -> list[int]:
    return [max(0, round((mark.start_ms - ANTICIPATION_MS) / 1000 / STEP)) for mark in marks]


def _shapes(ipa: str) -> list[Mouth | tuple[float, float]]:
    """Return one shape, or two for a diphthong."""
    stressed = "ˈ" in ipa
    sounds = ipa.strip("ˈˌː")
    if not sounds:
        return [REST]
    if sounds[0] in "mbpɱβɸ":
        return [PRESS]
    if sounds[0] in "fvʋ":
        return [TEETH]
    known = [sound for sound in sounds if sound in _SHAPES] or ["ə"]
    vowels = [sound for sound in known if sound in _VOWELS] or known[-1:]  # "tʃ" looks like its ʃ
    return [_weighed(_SHAPES[vowel], stressed or vowel not in _VOWELS) for vowel in vowels[:2]]


def _weighed(shape: tuple[float, float], full: bool) -> tuple[float, float]:
    return shape if full else (shape[0] * _UNSTRESSED, shape[1])


def _smoothed(targets: list[Mouth | tuple[float, float]], index: int) -> Mouth:
    """Return a shape averaged with its neighbours, so that lips do not jump; closed lips stay closed."""
    here = targets[index]
    if here is PRESS or here is TEETH:
        return here
    around = [targets[max(0, index - 1)], here, here, targets[min(len(targets) - 1, index + 1)]]
    shapes = [_size(target) for target in around]
    opening = sum(shape[0] for shape in shapes) / len(shapes)
    voiced = [shape for shape in shapes if shape[0] > 0]
    if not voiced:
        return REST
    return open_mouth(opening, sum(shape[1] for shape in voiced) / len(voiced))


def _size(target: Mouth | tuple[float, float]) -> tuple[float, float]:
    return (target.opening, 0.5) if isinstance(target, Mouth) else target
