"""A plugin with the project's own offline class behind it: nobody faces silence because a service is away.

The framework's adapters leave what they were given open; here it is closed with them.
"""

from typing import Any

from livekit.agents import llm, stt, tts
from livekit.agents.vad import VAD

PATIENCE = 5.0  # seconds, with one attempt of a service


class SpareHearing(stt.FallbackAdapter):
    """What was said while the service failed is lost; from then on the offline recogniser listens."""

    def __init__(self, own: stt.STT[Any], offline: stt.STT[Any], vad: VAD) -> None:
        super().__init__([own, offline], vad=vad, attempt_timeout=PATIENCE, max_retry_per_stt=0)
        self._parts = (own, offline)

    async def aclose(self) -> None:
        await super().aclose()
        for part in self._parts:
            await part.aclose()


class SpareAnswering(llm.FallbackAdapter):
    """The offline brain answers the question that the service failed at."""

    def __init__(self, own: llm.LLM[Any], offline: llm.LLM[Any]) -> None:
        super().__init__([own, offline], attempt_timeout=PATIENCE)
        self._parts = (own, offline)

    async def aclose(self) -> None:
        await super().aclose()
        for part in self._parts:
            await part.aclose()


class SpareSpeaking(tts.FallbackAdapter):
    """The offline voice says what the service failed to."""

    def __init__(self, own: tts.TTS[Any], offline: tts.TTS[Any]) -> None:
        super().__init__([own, offline], max_retry_per_tts=0)
        self._parts = (own, offline)

    async def aclose(self) -> None:
        await super().aclose()
        for part in self._parts:
            await part.aclose()
