"""The project's own hearing, answering and speaking as livekit-agents plugins.

Names with an underscore are livekit-agents' plugin interface, as its own plugins use it; the version is pinned.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

from livekit import rtc
from livekit.agents import AgentSession, UserStateChangedEvent, llm, stt, tts
from livekit.agents.language import LanguageCode
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, APIConnectOptions, NotGivenOr
from livekit.agents.utils import shortuuid
from livekit.agents.voice.io import TimedString

from voice.brain import Brain
from voice.sentences import split_sentences
from voice.stt import Recognition, Recognizer, SpeechInMissing
from voice.tts import Speaker, Voice
from voice.utterance import SAMPLE_RATE, Utterance
from voice.vad import SAMPLE_RATE as HEARING_RATE
from voice.vad import SpeechContinued, SpeechDetector, SpeechEnded, SpeechStarted

logger = logging.getLogger(__name__)

# Characters: a first sentence shorter than this waits for the next, which may change how it sounds.
ALONE = 12


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
        super().__init__(stt=hearing, conn_options=conn_options, sample_rate=HEARING_RATE)
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
        except SpeechInMissing as missing:
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


class Answering(llm.LLM[str]):
    """`voice`'s brain, for one conversation: it answers the newest message of the user."""

    def __init__(self, brain: Brain) -> None:
        super().__init__()
        self._brain = brain
        self._remembered: set[str] = set()
        self._opening: asyncio.Task[None] | None = None

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        **_: Any,
    ) -> llm.LLMStream:
        return _Answer(self, self._reply(chat_ctx), chat_ctx, tools or [], conn_options)

    def prewarm(self, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        if self._opening is None:  # the framework asks more than once
            self._opening = (loop or asyncio.get_running_loop()).create_task(self._brain.open())

    async def aclose(self) -> None:
        await _settled(self._opening)
        await self._brain.close()

    async def _reply(self, chat_ctx: llm.ChatContext) -> AsyncIterator[str]:
        said = [item for item in chat_ctx.items if isinstance(item, llm.ChatMessage) and item.text_content]
        asked = next((message for message in reversed(said) if message.role == "user"), None)
        if asked is None:
            return
        # What comes before the question was really said; the question itself may be a guess at one that goes on.
        for message in said[: said.index(asked)]:
            if message.id not in self._remembered and message.role in ("user", "assistant"):
                self._remembered.add(message.id)
                self._brain.remember(
                    "user" if message.role == "user" else "assistant", message.text_content or ""
                )
        async for sentence in self._brain.reply(asked.text_content or ""):
            yield sentence


class _Answer(llm.LLMStream):
    def __init__(
        self,
        answering: Answering,
        sentences: AsyncIterator[str],
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool],
        conn_options: APIConnectOptions,
    ) -> None:
        super().__init__(answering, chat_ctx=chat_ctx, tools=tools, conn_options=conn_options)
        self._sentences = sentences

    async def _run(self) -> None:
        number = shortuuid()
        async for sentence in self._sentences:
            delta = llm.ChoiceDelta(role="assistant", content=sentence)
            self._event_ch.send_nowait(llm.ChatChunk(id=number, delta=delta))


class Speaking(tts.TTS[str]):
    """`voice`'s speaker, with the moment of every word, so that it is known which of them were heard."""

    def __init__(self, speaker: Speaker, voice: Voice) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=True, aligned_transcript=True),
            sample_rate=SAMPLE_RATE,
            num_channels=1,
        )
        self._speaker = speaker
        self._voice = voice
        self._opening: asyncio.Task[None] | None = None

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        return self._synthesize_with_stream(text, conn_options=conn_options)

    def stream(
        self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.SynthesizeStream:
        return _SpeakingStream(self, self._speaker, self._voice, conn_options)

    def prewarm(self) -> None:
        if self._opening is None:
            self._opening = asyncio.create_task(self._speaker.open())

    async def aclose(self) -> None:
        await _settled(self._opening)
        await self._speaker.close()


class _SpeakingStream(tts.SynthesizeStream):
    def __init__(
        self, speaking: Speaking, speaker: Speaker, voice: Voice, conn_options: APIConnectOptions
    ) -> None:
        super().__init__(tts=speaking, conn_options=conn_options)
        self._speaker = speaker
        self._voice = voice
        self._spoken = 0.0  # seconds

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id=shortuuid(),
            sample_rate=SAMPLE_RATE,
            num_channels=1,
            mime_type="audio/pcm",
            stream=True,
        )
        output_emitter.start_segment(segment_id=shortuuid())
        async for sentence in self._sentences():
            self._mark_started()
            utterance = await self._speaker.synthesize(sentence, self._voice)
            output_emitter.push_timed_transcript(timed_words(utterance, self._spoken))
            output_emitter.push(utterance.pcm)
            output_emitter.flush()
            self._spoken += utterance.seconds
        output_emitter.end_segment()

    async def _sentences(self) -> AsyncIterator[str]:
        """Sentences as soon as they are whole: the last piece may go on, so it waits for a flush or the end."""
        waiting = ""
        async for token in self._input_ch:
            if isinstance(token, str):
                waiting += token
                pieces = split_sentences(waiting)
                while len(pieces) > 1 and len(pieces[0].strip()) < ALONE:
                    pieces[:2] = ["".join(pieces[:2])]
                for piece in pieces[:-1]:
                    yield piece
                waiting = pieces[-1] if pieces else waiting
            elif waiting.strip():
                yield waiting
                waiting = ""
        if waiting.strip():
            yield waiting


async def _settled(opening: asyncio.Task[None] | None) -> None:
    """An opening that fails is told by whoever uses what should have been open."""
    if opening is not None:
        opening.cancel()
        await asyncio.wait({opening})
        if not opening.cancelled():
            opening.exception()


def timed_words(utterance: Utterance, start: float) -> list[TimedString]:
    """The words with their white space; `start` is the second of the segment at which the utterance begins."""
    if not utterance.words:
        return [TimedString(utterance.text, start_time=start, end_time=start + utterance.seconds)]
    marks = sorted(utterance.words, key=lambda mark: (mark.position, mark.start_ms))
    edges = [0, *(mark.position for mark in marks[1:]), len(utterance.text)]
    starts = [start + mark.start_ms / 1000 for mark in marks]
    ends = [*starts[1:], start + utterance.seconds]
    return [
        TimedString(utterance.text[edges[i] : edges[i + 1]], start_time=starts[i], end_time=ends[i])
        for i in range(len(marks))
        if edges[i + 1] > edges[i]
    ]
