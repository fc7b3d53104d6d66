"""The project's own answers as a plugin of livekit-agents.

Names with an underscore are livekit-agents' plugin interface, as its own plugins use it; the version is pinned.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from livekit.agents import llm
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions
from livekit.agents.utils import shortuuid

from agent.opening import Opening
from voice.answering.brain import Brain


class Answering(llm.LLM[str]):
    """`voice`'s brain, for one conversation: it answers the newest message of the user."""

    def __init__(self, brain: Brain) -> None:
        super().__init__()
        self._brain = brain
        self._remembered: set[str] = set()
        self._opening = Opening()

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
        self._opening.begin(self._brain.open, loop)

    async def aclose(self) -> None:
        await self._opening.over()
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
