"""Speech without a voice: silence of the text's length, and phonemes guessed from its letters."""

import unicodedata

from voice.speaking.utterance import BYTES_PER_SECOND, PhonemeMark, Utterance, WordMark

LETTER_MS = 68  # about 170 words a minute
PAUSE_MS = {",": 180, ";": 220, ":": 220, ".": 380, "!": 380, "?": 380}
PHONEMES = {
    **dict.fromkeys("a", "a"),
    **dict.fromkeys("e", "ɛ"),
    **dict.fromkeys("iy", "i"),
    **dict.fromkeys("o", "o"),
    **dict.fromkeys("uwq", "u"),
    **dict.fromkeys("bmp", "m"),
    **dict.fromkeys("fv", "f"),
}


def silent_utterance(text: str) -> Utterance:
    """Make an utterance with captions and mouth movement only, for a machine without a voice."""
    words: list[WordMark] = []
    phonemes: list[PhonemeMark] = []
    at_ms = 0
    in_word = False
    for position, letter in enumerate(text):
        if letter.isalnum():
            if not in_word:
                words.append(WordMark(position, at_ms))
            base = unicodedata.normalize("NFD", letter.lower())[0]
            phonemes.append(PhonemeMark(PHONEMES.get(base, "t"), at_ms))
            at_ms += LETTER_MS
        elif in_word or letter in PAUSE_MS:
            phonemes.append(PhonemeMark("", at_ms))
            at_ms += PAUSE_MS.get(letter, LETTER_MS // 2)
        in_word = letter.isalnum()
    phonemes.append(PhonemeMark("", at_ms))
    return Utterance(text, bytes(at_ms * BYTES_PER_SECOND // 1000), tuple(words), tuple(phonemes))
