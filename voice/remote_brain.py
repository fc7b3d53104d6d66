"""Answers from an OpenAI-compatible chat service, and from the offline brain when it fails."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from voice.brain import Brain, Role
from voice.sentences import SentenceStream
from voice.service import Service, ServiceFailed
from voice.settings import Endpoint

if TYPE_CHECKING:
    from openai import AsyncStream
    from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

SHORTEST_START = 12  # characters; less is not worth a sentence of its own
LONGEST_HISTORY = 40  # messages; older ones are forgotten
FAREWELL = 0.5  # seconds for a stream to end after its last word, so that its connection can be used again
# Some servers send a model's reasoning in front of its answer.
THOUGHT, END_OF_THOUGHT = "<think>", "</think>"
SPOKEN = "Your answers are spoken aloud: use plain sentences, no lists, no markup, no emoji."


class RemoteBrain:
    """`offline` answers when the service fails before its first sentence; after that what was said stands."""

    def __init__(
        self, endpoint: Endpoint, *, name: str, prompt: str, faqs: Sequence[str], offline: Brain
    ) -> None:
        """`name` is the avatar's; `prompt` and `faqs` are the context's, and are sent as they are."""
        self._service = Service("LLM", endpoint)
        self._offline = offline
        facts = "\n".join(["Frequently asked questions:", *faqs]) if faqs else ""
        self._system = "\n\n".join(part for part in (prompt, facts, f"Your name is {name}. {SPOKEN}") if part)
        self._history: list[tuple[Role, str]] = []

    async def open(self) -> None:
        """Load the client library. A service that cannot be used shows at the first answer."""
        try:
            await self._service.open()
        except ServiceFailed as failure:
            self._service.warn(failure, "answers come from the offline brain")

    async def reply(self, text: str) -> AsyncIterator[str]:
        """The answer to `text`, sentence by sentence, as soon as each is complete."""
        spoken = False
        try:
            async with aclosing(self._sentences(text)) as sentences:
                async for sentence in sentences:
                    spoken = True
                    yield sentence
        except ServiceFailed as failure:
            if spoken:
                self._service.warn(failure, "the answer ends with what was said")
                return
            self._service.warn(failure, "the offline brain answers")
            async for sentence in self._offline.reply(text):
                yield sentence

    def remember(self, role: Role, text: str) -> None:
        """Keep what was said for the next request."""
        if text.strip():
            self._history = [*self._history, (role, text)][-LONGEST_HISTORY:]

    async def close(self) -> None:
        """Close the connections. The next answer opens new ones."""
        await self._service.close()

    async def _sentences(self, text: str) -> AsyncGenerator[str, None]:
        """Time runs only while the service is waited for, not while a sentence is being spoken."""
        async with self._service.call() as client:
            stream = await client.chat.completions.create(
                model=self._service.model, messages=self._messages(text), stream=True
            )
        found = _sentences_of(stream)
        spoken = False
        try:
            while True:
                async with self._service.call():
                    sentence = await anext(found, None)
                if sentence is None:
                    break
                spoken = True
                yield sentence
        finally:
            await found.aclose()
            await stream.close()
        if not spoken:
            raise ServiceFailed("its answer was empty")

    def _messages(self, text: str) -> "list[ChatCompletionMessageParam]":
        history = self._history
        # Whoever remembers a question before asking it does not ask it twice.
        if not history or history[-1] != ("user", text):
            history = [*history, ("user", text)]
        messages: list[ChatCompletionMessageParam] = [{"role": "system", "content": self._system}]
        for role, said in history:
            messages.append(
                {"role": "user", "content": said}
                if role == "user"
                else {"role": "assistant", "content": said}
            )
        return messages


async def _sentences_of(stream: "AsyncStream[ChatCompletionChunk]") -> AsyncGenerator[str, None]:
    answer, sentences = _Answer(), SentenceStream(SHORTEST_START)
    async for chunk in stream:
        text, finished = _read(chunk)
        for sentence in sentences.feed(answer.feed(text)):
            yield sentence
        if finished:
            break
    for sentence in sentences.rest():
        yield sentence
    await _drain(stream)


async def _drain(stream: "AsyncStream[ChatCompletionChunk]") -> None:
    """Let a stream whose answer is complete come to its end, whatever that is."""
    import httpx2
    import openai

    with suppress(TimeoutError, openai.OpenAIError, httpx2.HTTPError, ValueError):
        async with asyncio.timeout(FAREWELL):
            async for _ in stream:
                pass


def _read(chunk: object) -> tuple[str, bool]:
    """The text of a chunk, and whether it is the last one. The library does not check what servers send."""
    choices = getattr(chunk, "choices", None)
    if not isinstance(choices, list) or not choices:
        return "", False
    text = getattr(getattr(choices[0], "delta", None), "content", None)
    return text if isinstance(text, str) else "", bool(getattr(choices[0], "finish_reason", None))


class _Answer:
    """The text of a stream without the thought in front of it."""

    def __init__(self) -> None:
        self._head: str | None = ""

    def feed(self, text: str) -> str:
        """What of the stream so far is new and part of the answer."""
        if self._head is None:
            return text
        self._head += text
        head = self._head.lstrip()
        if not head.startswith(THOUGHT[: len(head)]):
            self._head = None
            return head
        if len(head) < len(THOUGHT) or END_OF_THOUGHT not in head:
            return ""
        self._head = None
        return head.partition(END_OF_THOUGHT)[2].lstrip()
