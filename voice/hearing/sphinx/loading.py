"""Load a PocketSphinx decoder with the dictionary and language model of one conversation."""

import tempfile
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from voice.hearing.recognizer import SAMPLE_RATE, HearingUnavailable
from voice.hearing.sphinx.expected_phrases import ExpectedPhrases
from voice.hearing.sphinx.pronunciation import find_pronunciations

if TYPE_CHECKING:
    from pocketsphinx import Decoder  # type: ignore[attr-defined]

# Weight of the language model against the sound, found by `benchmarks.stt`: espeak's voices and a small vocabulary
# want more than the usual 6.5.
LANGUAGE_WEIGHT = 10.0
UNSEEN = 0.3  # of the probability, for word sequences that the corpus does not have


def load_decoder(expected: ExpectedPhrases) -> "Decoder":
    """Load a decoder, in a thread: it takes 0.3 to 0.6 s and 30 MB. Raises `HearingUnavailable`."""
    try:
        import rapidfuzz  # noqa: F401 - tells expected phrases from a muddle
        from pocketsphinx import Decoder, get_model_path  # type: ignore[attr-defined]
    except ImportError as error:
        raise HearingUnavailable(
            "speech cannot be understood: pocketsphinx and rapidfuzz are not installed here. There are wheels for "
            "Python 3.10 to 3.13 (pip install 'pocketsphinx>=5.0.4,<5.1' rapidfuzz); else name a service in STT_URL. "
            "Typed text works without it."
        ) from error
    models = Path(get_model_path("en-us"))  # type: ignore[no-untyped-call]
    corpus = expected.corpus()
    vocabulary = {word for line in corpus for word in line.split()}
    phones = find_pronunciations(vocabulary, models / "cmudict-en-us.dict")
    with tempfile.TemporaryDirectory(prefix="speech-") as folder:
        words, language = Path(folder) / "words.dict", Path(folder) / "language.arpa"
        words.write_text(_dictionary(phones), "utf-8")
        language.write_text(_language_model(corpus, phones), "utf-8")
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


def _dictionary(phones: Mapping[str, Sequence[str]]) -> str:
    return "".join(
        f"{word}{f'({number})' if number > 1 else ''} {variant}\n"
        for word, variants in phones.items()
        for number, variant in enumerate(variants, start=1)
    )


def _language_model(corpus: Sequence[str], phones: Mapping[str, Sequence[str]]) -> str:
    from pocketsphinx.lm import ArpaBoLM

    pronounceable = "\n".join(" ".join(word for word in line.split() if word in phones) for line in corpus)
    model = ArpaBoLM(text=pronounceable, add_start=True, discount_mass=UNSEEN)
    model.compute()
    written = StringIO()
    model.write(written)
    return written.getvalue()
