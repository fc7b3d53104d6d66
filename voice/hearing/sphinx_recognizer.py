"""Speech recognised without a network: PocketSphinx, in a thread of its own.

Imports nothing heavy, so a standby process can import it ahead.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from voice.hearing.recognizer import NOT_UNDERSTOOD, HearingUnavailable, Transcript
from voice.hearing.sphinx.decoding import UtteranceDecoder

T = TypeVar("T")

INTERIM_EVERY = 10_240  # bytes of sound, 320 ms, between two interim texts
_ENGLISH = re.compile(r"en(?![a-z])")


class SphinxRecognizer:
    """Understands English about `texts`."""

    def __init__(self, texts: Sequence[str], language: str) -> None:
        """`texts`: sentences of the context, questions and answers; `language`: a BCP-47 code."""
        self._texts = list(texts)
        self._language = language
        self._thread: ThreadPoolExecutor | None = None
        self._opening = asyncio.Lock()
        self.decoder: UtteranceDecoder | None = None

    async def open(self) -> None:
        """Make the language model, in 0.2 to 0.5 s; else the first sound waits for it.

        Raises `HearingUnavailable`.
        """
        if not _ENGLISH.match(self._language.strip().lower()):
            raise HearingUnavailable(
                f"speech in the language {self._language!r} cannot be understood offline, only English. "
                "Name a service in STT_URL; typed text works without it."
            )
        async with self._opening:
            if self.decoder is None:
                self.decoder = await self.run_in_thread(lambda: UtteranceDecoder(self._texts))

    def listen(self) -> "SphinxRecognition":
        """Begin a new utterance."""
        return SphinxRecognition(self)

    async def close(self) -> None:
        """End the thread and free the decoder. An utterance under way is not understood."""
        thread, self._thread, self.decoder = self._thread, None, None
        if thread is not None:
            await asyncio.to_thread(thread.shutdown, cancel_futures=True)

    async def run_in_thread(self, work: Callable[[], T]) -> T:
        """Run `work` in the decoder's thread, after all that waits there."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="speech recognition")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


class SphinxRecognition:
    """One utterance. A later one takes the decoder from it with its first `feed`."""

    def __init__(self, recognizer: SphinxRecognizer) -> None:
        self._recognizer = recognizer
        self._since_interim = 0
        self._over = False

    async def feed(self, pcm: bytes) -> str:
        """Decode more of the sound. Returns the interim text while it is plausible."""
        self._since_interim += len(pcm)
        interim = self._since_interim >= INTERIM_EVERY
        if interim:
            self._since_interim = 0
        await self._recognizer.open()

        def decode(decoder: UtteranceDecoder) -> str:
            decoder.feed(self, pcm)
            return decoder.interim_text() if interim else ""

        return await self._with_decoder(decode) or ""

    async def finish(self) -> Transcript:
        """Return the final transcript."""
        self._over = True
        return await self._with_decoder(lambda decoder: decoder.finish(self)) or NOT_UNDERSTOOD

    async def abandon(self) -> None:
        """Drop the utterance."""
        if not self._over:
            self._over = True
            await self._with_decoder(lambda decoder: decoder.abandon(self))

    async def _with_decoder(self, work: Callable[[UtteranceDecoder], T]) -> T | None:
        decoder = self._recognizer.decoder
        return None if decoder is None else await self._recognizer.run_in_thread(lambda: work(decoder))
