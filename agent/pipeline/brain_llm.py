"""A brain of `voice` as an LLM plugin of livekit-agents.

Names with an underscore are livekit-agents' plugin interface, as its own plugins use it; the version is pinned.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from livekit.agents import llm
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions
from livekit.agents.utils import shortuuid

from agent.pipeline.warmup import Warmup
from voice.answering.brain import Brain


class BrainLLM(llm.LLM[str]):
    """Answers the newest message of the user. One instance serves one conversation."""

    def __init__(self, brain: Brain) -> None:
        super().__init__()
        self._brain = brain
        self._remembered: set[str] = set()
        self._warmup = Warmup()

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        **_: Any,
    ) -> llm.LLMStream:
        return _BrainStream(self, self._reply(chat_ctx), chat_ctx, tools or [], conn_options)

    def prewarm(self, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._warmup.start(self._brain.open, loop)

    async def aclose(self) -> None:
        await self._warmup.cancel()
        await self._brain.close()

    async def _reply(self, chat_ctx: llm.ChatContext) -> AsyncIterator[str]:
        messages = [
            item for item in chat_ctx.items if isinstance(item, llm.ChatMessage) and item.text_content
        ]
        question = next((message for message in reversed(messages) if message.role == "user"), None)
        if question is None:
            return
        # Not the question itself: the framework may ask before the user has finished it.
        for message in messages[: messages.index(question)]:
            if message.id not in self._remembered and message.role in ("user", "assistant"):
                self._remembered.add(message.id)
                self._brain.remember(
                    "user" if message.role == "user" else "assistant", message.text_content or ""
                )
        async for sentence in self._brain.reply(question.text_content or ""):
            yield sentence


class _BrainStream(llm.LLMStream):
    def __init__(
        self,
        brain_llm: BrainLLM,
        sentences: AsyncIterator[str],
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool],
        conn_options: APIConnectOptions,
    ) -> None:
        super().__init__(brain_llm, chat_ctx=chat_ctx, tools=tools, conn_options=conn_options)
        self._sentences = sentences

    async def _run(self) -> None:
        answer_id = shortuuid()
        async for sentence in self._sentences:
            delta = llm.ChoiceDelta(role="assistant", content=sentence)
            self._event_ch.send_nowait(llm.ChatChunk(id=answer_id, delta=delta))
