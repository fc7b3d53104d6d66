"""How English words sound, in CMUdict's ARPAbet: looked up, composed of known words, or guessed by spelling."""

import re
from collections.abc import Iterable, Mapping
from itertools import product
from pathlib import Path
from string import ascii_lowercase

MOST_VARIANTS = 4  # pronunciations of one word
SHORTEST_PART = 3  # letters of each half of "live" + "avatar"

# Longer spellings first. A rough guess is enough: the words around a name help to find it.
_PHONES = {
    "tion": "SH AH N",
    "sion": "ZH AH N",
    "igh": "AY",
    "tch": "CH",
    "sch": "SH",
    "ch": "CH",
    "sh": "SH",
    "th": "TH",
    "ph": "F",
    "gh": "G",
    "wh": "W",
    "ck": "K",
    "qu": "K W",
    "ng": "NG",
    "dj": "JH",
    "oo": "UW",
    "ee": "IY",
    "ea": "IY",
    "ie": "IY",
    "ai": "EY",
    "ay": "EY",
    "ey": "IY",
    "oa": "OW",
    "ou": "AW",
    "ow": "OW",
    "oi": "OY",
    "oy": "OY",
    "au": "AO",
    "aw": "AO",
    "ew": "UW",
    "er": "ER",
    "ir": "ER",
    "ur": "ER",
    "ar": "AA R",
    "or": "AO R",
    "ce": "S",
    "ci": "S IH",
    "cy": "S IY",
    "a": "AE",
    "b": "B",
    "c": "K",
    "d": "D",
    "e": "EH",
    "f": "F",
    "g": "G",
    "h": "HH",
    "i": "IH",
    "j": "JH",
    "k": "K",
    "l": "L",
    "m": "M",
    "n": "N",
    "o": "OW",
    "p": "P",
    "q": "K",
    "r": "R",
    "s": "S",
    "t": "T",
    "u": "AH",
    "v": "V",
    "w": "W",
    "x": "K S",
    "y": "IY",
    "z": "Z",
}
_SPELLING = re.compile("|".join(_PHONES))
_LETTER_NAMES = (
    "EY / B IY / S IY / D IY / IY / EH F / JH IY / EY CH / AY / JH EY / K EY / EH L / EH M / EH N / OW / P IY / "
    "K Y UW / AA R / EH S / T IY / Y UW / V IY / D AH B AH L Y UW / EH K S / W AY / Z IY"
)
_LETTERS = dict(zip(ascii_lowercase, _LETTER_NAMES.split(" / "), strict=True))


def find_pronunciations(words: Iterable[str], dictionary: Path) -> dict[str, list[str]]:
    """Find the pronunciations of each word. A word without any letter of a to z is left out.

    Reads the CMUdict file at `dictionary` once, in about 40 ms, and keeps nothing of it.
    """
    wanted = set(words)
    parts = {part for word in wanted for at in _cuts(word) for part in (word[:at], word[at:])}
    known = _look_up(wanted | parts, dictionary)
    found = {word: known.get(word) or _guess(word, known) for word in sorted(wanted)}
    return {word: variants[:MOST_VARIANTS] for word, variants in found.items() if any(variants)}


def _look_up(words: set[str], dictionary: Path) -> dict[str, list[str]]:
    known: dict[str, list[str]] = {}
    with dictionary.open(encoding="utf-8") as lines:
        for line in lines:
            spelling, _, phones = line.partition(" ")
            word = spelling.partition("(")[0]  # "live(2)" is another way to say "live"
            if word in words:
                known.setdefault(word, []).append(phones.strip())
    return known


def _guess(word: str, known: Mapping[str, list[str]]) -> list[str]:
    """Guess: "liveavatar" is live and avatar, "webrtc" is web and three letters, "rooibos" follows its spelling."""
    letters = "".join(letter for letter in word if letter in _LETTERS)
    compound = [
        f"{first} {second}"
        for at in _cuts(word)
        for first, second in product(known.get(word[:at], []), known.get(word[at:]) or _spell_out(word[at:]))
    ]
    return compound or _spell_out(letters) or [" ".join(_PHONES[part] for part in _SPELLING.findall(letters))]


def _spell_out(letters: str) -> list[str]:
    """Name the letters of a word without vowels: "http", but not "api"."""
    if not letters or re.search("[aeiouy]|[^a-z]", letters):
        return []
    return [" ".join(_LETTERS[letter] for letter in letters)]


def _cuts(word: str) -> range:
    return range(SHORTEST_PART, len(word) - SHORTEST_PART + 1)
