"""Speech input: from the user's microphone track to the words in the conversation."""

import asyncio
import logging
from collections.abc import Callable

from livekit import rtc

from simulator.avatar.echo import EchoGuard
from simulator.avatar.hearing import Hearing
from simulator.avatar.job import Job
from simulator.avatar.listening import Listener, Listening
from simulator.avatar.reports import Reports
from simulator.avatar.understanding import Understanding, speech_detector
from voice.factory import build_recognizer
from voice.hearing.recognizer import Recognizer
from voice.settings import SpeechSettings
from voice.text.sentences import split_sentences

logger = logging.getLogger(__name__)


class Ears:
    """Microphone, voice detection and recognition put together. The caller owns the task of `run`."""

    def __init__(
        self,
        room: rtc.Room,
        is_user: Callable[[rtc.RemoteParticipant], bool],
        *,
        job: Job,
        settings: SpeechSettings,
        listener: Listener,
        audible: Callable[[], bool],
        played: Callable[[], bytes],
        reports: Reports,
    ) -> None:
        """`audible` and `played` are those of `EchoGuard`."""
        self._room = room
        self._reports = reports
        echo = EchoGuard(audible, played)
        self._understanding = Understanding(_recognizer(job, settings), self._report_missing)
        self._listening = Listening(
            detector=speech_detector(self._report_missing),
            recognizer=self._understanding,
            listener=listener,
            guarded=echo.needed,
            is_echo=echo.is_echo,
            push_to_talk=job.push_to_talk,
        )
        self._hearing = Hearing(room, is_user, self._hear, self._listening.microphone_lost)
        self._microphone_here = asyncio.Event()

    def begin(self) -> None:
        """Subscribe to the microphones in the room. Call after the join."""
        self._hearing.begin(self._room)

    def open_window(self) -> None:
        """Begin push to talk."""
        self._listening.open_window()

    def close_window(self) -> None:
        """End push to talk."""
        self._listening.close_window()

    async def run(self) -> None:
        """Recognise speech until cancelled."""
        # Loading the model takes half a second of CPU that the first picture needs more, and not every visitor has a
        # microphone. Sound that arrives meanwhile is queued.
        await self._microphone_here.wait()
        await self._understanding.open()
        await self._listening.run()

    async def close(self) -> None:
        await asyncio.gather(self._hearing.close(), self._understanding.close())

    def _hear(self, pcm: memoryview) -> None:
        self._microphone_here.set()
        self._listening.hear(pcm)
        if self._listening.speaking:
            self._reports.activity()

    def _report_missing(self, why: str) -> None:
        logger.warning("%s", why)
        self._reports.send("condition", name="speech_in", ok=False, why=why)


def _recognizer(job: Job, settings: SpeechSettings) -> Recognizer:
    texts: list[str] = []
    if job.context is not None:
        texts = [job.context.opening_text, *split_sentences(job.context.prompt), *job.context.faqs]
    return build_recognizer(settings, texts=texts, language=job.language)
