"""livekit-agents' fallback adapters: when a plugin fails, the offline part takes over.

The framework's adapters leave the parts that they were given open; these close them.
"""

from typing import Any

from livekit.agents import llm, stt, tts
from livekit.agents.vad import VAD

ATTEMPT_TIMEOUT = 5.0  # seconds, for one attempt of a plugin


class FallbackSTT(stt.FallbackAdapter):
    """Speech during the failure is lost; the offline recogniser hears all that follows."""

    def __init__(self, plugin: stt.STT[Any], offline: stt.STT[Any], vad: VAD) -> None:
        super().__init__([plugin, offline], vad=vad, attempt_timeout=ATTEMPT_TIMEOUT, max_retry_per_stt=0)
        self._parts = (plugin, offline)

    async def aclose(self) -> None:
        await super().aclose()
        for part in self._parts:
            await part.aclose()


class FallbackLLM(llm.FallbackAdapter):
    """The offline brain answers the question at which the plugin failed."""

    def __init__(self, plugin: llm.LLM[Any], offline: llm.LLM[Any]) -> None:
        super().__init__([plugin, offline], attempt_timeout=ATTEMPT_TIMEOUT)
        self._parts = (plugin, offline)

    async def aclose(self) -> None:
        await super().aclose()
        for part in self._parts:
            await part.aclose()


class FallbackTTS(tts.FallbackAdapter):
    """The offline voice speaks the text at which the plugin failed."""

    def __init__(self, plugin: tts.TTS[Any], offline: tts.TTS[Any]) -> None:
        super().__init__([plugin, offline], max_retry_per_tts=0)
        self._parts = (plugin, offline)

    async def aclose(self) -> None:
        await super().aclose()
        for part in self._parts:
            await part.aclose()
