"""The project's own voice as a plugin of livekit-agents.

Names with an underscore are livekit-agents' plugin interface, as its own plugins use it; the version is pinned.
"""

from collections.abc import AsyncIterator

from livekit.agents import tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions
from livekit.agents.utils import shortuuid
from livekit.agents.voice.io import TimedString

from agent.opening import Opening
from voice.speaking.speaker import Speaker, Voice
from voice.speaking.utterance import SAMPLE_RATE, Utterance
from voice.text.sentences import split_sentences

# Characters: a first sentence shorter than this waits for the next, which may change how it sounds.
ALONE = 12


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
        self._opening = Opening()

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        return self._synthesize_with_stream(text, conn_options=conn_options)

    def stream(
        self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.SynthesizeStream:
        return _SpeakingStream(self, self._speaker, self._voice, conn_options)

    def prewarm(self) -> None:
        self._opening.begin(self._speaker.open)

    async def aclose(self) -> None:
        await self._opening.over()
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
