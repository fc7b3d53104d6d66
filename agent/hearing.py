"""The project's own hearing as a plugin of livekit-agents.

Names with an underscore are livekit-agents' plugin interface, as its own plugins use it; the version is pinned.
"""

import logging
from typing import Any

from livekit import rtc
from livekit.agents import AgentSession, UserStateChangedEvent, stt
from livekit.agents.language import LanguageCode
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, APIConnectOptions, NotGivenOr
from livekit.agents.utils import shortuuid

from voice.hearing.recognizer import SAMPLE_RATE, HearingUnavailable, Recognition, Recognizer
from voice.hearing.vad import SpeechContinued, SpeechDetector, SpeechEnded, SpeechStarted

logger = logging.getLogger(__name__)


class Hearing(stt.STT[str]):
    """`voice`'s recogniser, for one conversation. Says nothing where nothing was understood.

    `follow` has it believe the framework's voice detector, which takes no cough for a word; the recogniser would.
    """

    def __init__(self, recognizer: Recognizer, language: str = "en") -> None:
        super().__init__(
            capabilities=stt.STTCapabilities(
                streaming=True, interim_results=True, offline_recognize=False, manual_flush=True
            )
        )
        self._recognizer = recognizer
        self._language = LanguageCode(language)
        self._voice: bool | None = None  # now; None while nobody tells
        self._was_voice = True  # at some time since the last utterance

    def follow(self, session: AgentSession[Any]) -> None:
        """Understand only what the session takes for a voice."""
        self._voice = self._was_voice = False
        session.on("user_state_changed", self._on_user)

    def hears_voice(self) -> bool:
        """The utterance that is under way is somebody's."""
        return self._was_voice

    def forget_voice(self) -> None:
        """An utterance is over."""
        self._was_voice = self._voice is not False

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> stt.RecognizeStream:
        return _HearingStream(self, self._recognizer, self._language, conn_options)

    async def aclose(self) -> None:
        await self._recognizer.close()

    def _on_user(self, event: UserStateChangedEvent) -> None:
        self._voice = event.new_state == "speaking"
        self._was_voice |= self._voice

    async def _recognize_impl(self, *_: Any, **__: Any) -> stt.SpeechEvent:
        raise NotImplementedError("this recogniser listens to a stream")


class _HearingStream(stt.RecognizeStream):
    """The framework hands over silence as well, so what is speech is found out here; it says when a turn ended."""

    def __init__(
        self,
        hearing: Hearing,
        recognizer: Recognizer,
        language: LanguageCode,
        conn_options: APIConnectOptions,
    ) -> None:
        super().__init__(stt=hearing, conn_options=conn_options, sample_rate=SAMPLE_RATE)
        self._hearing = hearing
        self._recognizer = recognizer
        self._language = language
        self._utterance: Recognition | None = None
        self._shown = ""

    async def _run(self) -> None:
        if not await self._is_open():
            async for _ in self._input_ch:
                pass  # nobody understands it, and typed text still works
            return
        detector = SpeechDetector()
        try:
            async for item in self._input_ch:
                if not isinstance(item, rtc.AudioFrame):
                    await self._conclude()
                    continue
                for news in detector.feed(item.data.cast("b")):
                    match news:
                        case SpeechStarted(pcm):
                            await self._listen(pcm)
                        case SpeechContinued(pcm):
                            await self._hear(pcm)
                        case SpeechEnded():
                            await self._conclude()
        finally:
            if self._utterance is not None:
                await self._utterance.abandon()

    async def _is_open(self) -> bool:
        try:
            await self._recognizer.open()
        except HearingUnavailable as missing:
            logger.warning("the agent is deaf: %s", missing)
            return False
        return True

    async def _listen(self, pcm: bytes) -> None:
        # A short pause the framework did not take for the end belongs to the same utterance.
        if self._utterance is None:
            self._utterance = self._recognizer.listen()
            self._shown = ""
        await self._hear(pcm)

    async def _hear(self, pcm: bytes) -> None:
        if self._utterance is None:
            return
        text = await self._utterance.feed(pcm)
        if text and text != self._shown and self._hearing.hears_voice():
            self._shown = text
            self._tell(stt.SpeechEventType.INTERIM_TRANSCRIPT, text, 0.0)

    async def _conclude(self) -> None:
        utterance, self._utterance = self._utterance, None
        if utterance is None:
            return
        if not self._hearing.hears_voice():
            await utterance.abandon()
            return
        self._hearing.forget_voice()
        transcript = await utterance.finish()
        self._tell(stt.SpeechEventType.FINAL_TRANSCRIPT, transcript.text, transcript.confidence)

    def _tell(self, kind: stt.SpeechEventType, text: str, confidence: float) -> None:
        said = stt.SpeechData(language=self._language, text=text, confidence=confidence)
        self._event_ch.send_nowait(stt.SpeechEvent(kind, shortuuid(), [said]))
