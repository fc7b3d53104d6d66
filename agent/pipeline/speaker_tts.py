"""A speaker of `voice` as a TTS plugin of livekit-agents.

Names with an underscore are livekit-agents' plugin interface, as its own plugins use it; the version is pinned.
"""

from collections.abc import AsyncIterator

from livekit.agents import tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions
from livekit.agents.utils import shortuuid
from livekit.agents.voice.io import TimedString

from agent.pipeline.warmup import Warmup
from voice.speaking.speaker import Speaker, Voice
from voice.speaking.utterance import SAMPLE_RATE, Utterance
from voice.text.sentences import split_sentences

# Characters. A shorter first sentence is spoken together with the next one, for its intonation.
MIN_FIRST_SENTENCE = 12


class SpeakerTTS(tts.TTS[str]):
    """Times every word, so that the framework knows which words were heard before an interruption."""

    def __init__(self, speaker: Speaker, voice: Voice) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=True, aligned_transcript=True),
            sample_rate=SAMPLE_RATE,
            num_channels=1,
        )
        self._speaker = speaker
        self._voice = voice
        self._warmup = Warmup()

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        return self._synthesize_with_stream(text, conn_options=conn_options)

    def stream(
        self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.SynthesizeStream:
        return _SpeakerStream(self, self._speaker, self._voice, conn_options)

    def prewarm(self) -> None:
        self._warmup.start(self._speaker.open)

    async def aclose(self) -> None:
        await self._warmup.cancel()
        await self._speaker.close()


class _SpeakerStream(tts.SynthesizeStream):
    def __init__(
        self, speaker_tts: SpeakerTTS, speaker: Speaker, voice: Voice, conn_options: APIConnectOptions
    ) -> None:
        super().__init__(tts=speaker_tts, conn_options=conn_options)
        self._speaker = speaker
        self._voice = voice
        self._spoken = 0.0  # seconds of this segment

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
        """Yield complete sentences; the last piece may continue, so it waits for a flush or the end."""
        pending = ""
        async for token in self._input_ch:
            if isinstance(token, str):
                pending += token
                pieces = split_sentences(pending)
                while len(pieces) > 1 and len(pieces[0].strip()) < MIN_FIRST_SENTENCE:
                    pieces[:2] = ["".join(pieces[:2])]
                for piece in pieces[:-1]:
                    yield piece
                pending = pieces[-1] if pieces else pending
            elif pending.strip():
                yield pending
                pending = ""
        if pending.strip():
            yield pending


def timed_words(utterance: Utterance, start: float) -> list[TimedString]:
    """Return the words with their white space and times; the utterance begins at second `start` of the segment."""
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
