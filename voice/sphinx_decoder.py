"""A PocketSphinx decoder that knows what one conversation is about."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from voice.expectations import Expectations
from voice.pronunciation import pronunciations
from voice.stt import SpeechInMissing

if TYPE_CHECKING:
    from pocketsphinx import Decoder  # type: ignore[attr-defined]

SAMPLE_RATE = 16_000  # Hz
# How much the model of what is said weighs against the sound, found by `benchmarks.stt`: espeak's voices and a small
# vocabulary want more than the usual 6.5. What was seen in the corpus keeps 70 % of the likelihood.
LANGUAGE_WEIGHT = 10.0
UNSEEN = 0.3


def decoder(expectations: Expectations) -> "Decoder":
    """Load a decoder: 0.3 to 0.6 s, 30 MB. Raises `SpeechInMissing`. Call it in a thread."""
    try:
        import rapidfuzz  # noqa: F401 - without it nothing could be told from a muddle
        from pocketsphinx import Decoder, get_model_path  # type: ignore[attr-defined]
    except ImportError as error:
        raise SpeechInMissing(
            "speech cannot be understood: pocketsphinx and rapidfuzz are not installed here. There are wheels for "
            "Python 3.10 to 3.13 (pip install 'pocketsphinx>=5.0.4,<5.1' rapidfuzz); else name a service in STT_URL. "
            "Typed text works without it."
        ) from error
    models = Path(get_model_path("en-us"))  # type: ignore[no-untyped-call]
    lines = expectations.lines()
    sounds = pronunciations({word for line in lines for word in line.split()}, models / "cmudict-en-us.dict")
    with tempfile.TemporaryDirectory(prefix="speech-") as folder:
        words, language = Path(folder) / "words.dict", Path(folder) / "language.arpa"
        words.write_text(_dictionary(sounds), "utf-8")
        language.write_text(_language_model(lines, sounds), "utf-8")
        return Decoder(
            samprate=SAMPLE_RATE,
            hmm=str(models / "en-us"),
            dict=str(words),
            lm=str(language),
            lw=LANGUAGE_WEIGHT,
            # The second pass and the lattice search hold the GIL for 40 to 120 ms in one go, and the same process
            # paints the avatar 25 times a second. The first pass takes 2 ms for 40 ms of sound.
            fwdflat=False,
            bestpath=False,
            loglevel="FATAL",
        )


def _dictionary(sounds: Mapping[str, Sequence[str]]) -> str:
    return "".join(
        f"{word}{f'({number})' if number > 1 else ''} {phones}\n"
        for word, variants in sounds.items()
        for number, phones in enumerate(variants, start=1)
    )


def _language_model(lines: Sequence[str], sounds: Mapping[str, Sequence[str]]) -> str:
    from io import StringIO

    from pocketsphinx.lm import ArpaBoLM

    known = "\n".join(" ".join(word for word in line.split() if word in sounds) for line in lines)
    model = ArpaBoLM(text=known, add_start=True, discount_mass=UNSEEN)
    model.compute()
    written = StringIO()
    model.write(written)
    return written.getvalue()
