"""Speech to text without a network: PocketSphinx, in a thread of its own.

Imports nothing heavy: a process that is kept warm may import it ahead.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from voice.sphinx_model import NOTHING, Model
from voice.stt import SpeechInMissing, Transcript

T = TypeVar("T")

SHOW_EVERY = 10_240  # bytes, 320 ms, between two looks at the phrase so far


class SphinxRecognizer:
    """Understands English about `texts`."""

    def __init__(self, texts: Sequence[str], language: str) -> None:
        self._texts = list(texts)
        self._language = language
        self._thread: ThreadPoolExecutor | None = None
        self._opening = asyncio.Lock()
        self.model: Model | None = None

    async def open(self) -> None:
        """Make the model, in 0.2 to 0.5 s; without it the first sound waits as long. Raises `SpeechInMissing`."""
        if not re.match(r"en(?![a-z])", self._language.strip().lower()):
            raise SpeechInMissing(
                f"speech in the language {self._language!r} cannot be understood offline, only English. "
                "Name a service in STT_URL; typed text works without it."
            )
        async with self._opening:
            if self.model is None:
                self.model = await self.run(lambda: Model(self._texts))

    def listen(self) -> "SphinxRecognition":
        """Begin a new utterance."""
        return SphinxRecognition(self)

    async def close(self) -> None:
        """End the thread and give back the model's memory. What is under way is not understood any more."""
        thread, self._thread, self.model = self._thread, None, None
        if thread is not None:
            await asyncio.to_thread(thread.shutdown, cancel_futures=True)

    async def run(self, work: Callable[[], T]) -> T:
        """Do `work` in the thread, after all that is waiting there."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="speech in")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


class SphinxRecognition:
    """One utterance. A later one that begins to feed takes the decoder from it."""

    def __init__(self, recognizer: SphinxRecognizer) -> None:
        self._recognizer = recognizer
        self._since_look = 0
        self._over = False

    async def feed(self, pcm: bytes) -> str:
        """Take 16 kHz 16-bit mono sound. Returns the phrase so far while it is plausible."""
        self._since_look += len(pcm)
        look = self._since_look >= SHOW_EVERY
        if look:
            self._since_look = 0
        await self._recognizer.open()

        def hear(model: Model) -> str:
            model.hear(self, pcm)
            return model.so_far() if look else ""

        return await self._with_model(hear) or ""

    async def finish(self) -> Transcript:
        """What was said."""
        self._over = True
        return await self._with_model(lambda model: model.conclude(self)) or NOTHING

    async def abandon(self) -> None:
        """Forget what was said."""
        if not self._over:
            self._over = True
            await self._with_model(lambda model: model.forget(self))

    async def _with_model(self, work: Callable[[Model], T]) -> T | None:
        model = self._recognizer.model
        return None if model is None else await self._recognizer.run(lambda: work(model))
