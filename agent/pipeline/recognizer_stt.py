"""A recogniser of `voice` as an STT plugin of livekit-agents.

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


class RecognizerSTT(stt.STT[str]):
    """Transcribes the speech of one conversation. Speech without recognised words gives an empty final transcript.

    After `follow_vad` it ignores sounds in which the framework's voice detector found no voice: the recogniser
    would take a cough for a word.
    """

    def __init__(self, recognizer: Recognizer, language: str = "en") -> None:
        super().__init__(
            capabilities=stt.STTCapabilities(
                streaming=True, interim_results=True, offline_recognize=False, manual_flush=True
            )
        )
        self._recognizer = recognizer
        self._language = LanguageCode(language)
        self._is_voice: bool | None = None  # now; None without `follow_vad`
        self._had_voice = True  # since the last utterance

    def follow_vad(self, session: AgentSession[Any]) -> None:
        """Transcribe only what the session's voice detector takes for a voice."""
        self._is_voice = self._had_voice = False
        session.on("user_state_changed", self._on_user_state)

    def has_voice(self) -> bool:
        """Whether the current utterance is a voice."""
        return self._had_voice

    def finish_utterance(self) -> None:
        """Judge the next utterance anew."""
        self._had_voice = self._is_voice is not False

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> stt.RecognizeStream:
        return _RecognizerStream(self, self._recognizer, self._language, conn_options)

    async def aclose(self) -> None:
        await self._recognizer.close()

    def _on_user_state(self, event: UserStateChangedEvent) -> None:
        self._is_voice = event.new_state == "speaking"
        self._had_voice |= self._is_voice

    async def _recognize_impl(self, *_: Any, **__: Any) -> stt.SpeechEvent:
        raise NotImplementedError("this recogniser takes streams only")


class _RecognizerStream(stt.RecognizeStream):
    """Finds the speech in the stream, which holds silence as well. A flush by the framework ends a turn."""

    def __init__(
        self,
        recognizer_stt: RecognizerSTT,
        recognizer: Recognizer,
        language: LanguageCode,
        conn_options: APIConnectOptions,
    ) -> None:
        super().__init__(stt=recognizer_stt, conn_options=conn_options, sample_rate=SAMPLE_RATE)
        self._stt_part = recognizer_stt
        self._recognizer = recognizer
        self._language = language
        self._utterance: Recognition | None = None
        self._interim = ""

    async def _run(self) -> None:
        if not await self._open():
            async for _ in self._input_ch:
                pass  # typed text still works
            return
        detector = SpeechDetector()
        try:
            async for item in self._input_ch:
                if not isinstance(item, rtc.AudioFrame):
                    await self._finish()
                    continue
                for event in detector.feed(item.data.cast("b")):
                    match event:
                        case SpeechStarted(pcm):
                            await self._start(pcm)
                        case SpeechContinued(pcm):
                            await self._feed(pcm)
                        case SpeechEnded():
                            await self._finish()
        finally:
            if self._utterance is not None:
                await self._utterance.abandon()

    async def _open(self) -> bool:
        try:
            await self._recognizer.open()
        except HearingUnavailable as missing:
            logger.warning("speech recognition is not available: %s", missing)
            return False
        return True

    async def _start(self, pcm: bytes) -> None:
        # A pause too short for the framework to end the turn stays within the utterance.
        if self._utterance is None:
            self._utterance = self._recognizer.listen()
            self._interim = ""
        await self._feed(pcm)

    async def _feed(self, pcm: bytes) -> None:
        if self._utterance is None:
            return
        text = await self._utterance.feed(pcm)
        if text and text != self._interim and self._stt_part.has_voice():
            self._interim = text
            self._emit(stt.SpeechEventType.INTERIM_TRANSCRIPT, text, 0.0)

    async def _finish(self) -> None:
        utterance, self._utterance = self._utterance, None
        if utterance is None:
            return
        if not self._stt_part.has_voice():
            await utterance.abandon()
            return
        self._stt_part.finish_utterance()
        transcript = await utterance.finish()
        self._emit(stt.SpeechEventType.FINAL_TRANSCRIPT, transcript.text, transcript.confidence)

    def _emit(self, kind: stt.SpeechEventType, text: str, confidence: float) -> None:
        data = stt.SpeechData(language=self._language, text=text, confidence=confidence)
        self._event_ch.send_nowait(stt.SpeechEvent(kind, shortuuid(), [data]))
