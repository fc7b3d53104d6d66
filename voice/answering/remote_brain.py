"""Answers from an OpenAI-compatible chat service, and from another brain when the service fails."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from voice.answering.brain import Brain, Role
from voice.remote_service import RemoteService, ServiceFailed
from voice.settings import Endpoint
from voice.text.sentences import SentenceStream

if TYPE_CHECKING:
    from openai import AsyncStream
    from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

SHORTEST_START = 12  # characters; less is not worth a sentence of its own
LONGEST_HISTORY = 40  # messages; older ones are forgotten
DRAIN_TIMEOUT = (
    0.5  # seconds for a stream to end after its last word, so that its connection can be used again
)
# Some servers send a model's reasoning in front of its answer.
REASONING, END_OF_REASONING = "<think>", "</think>"
SPOKEN = "Your answers are spoken aloud: use plain sentences, no lists, no markup, no emoji."


class RemoteBrain:
    """`fallback` answers when the service fails before its first sentence. Later, the answer ends there."""

    def __init__(
        self, endpoint: Endpoint, *, name: str, prompt: str, faqs: Sequence[str], fallback: Brain
    ) -> None:
        """`name` is the avatar's; `prompt` and `faqs` are the context's, and are sent unchanged."""
        self._service = RemoteService("LLM", endpoint)
        self._fallback = fallback
        facts = "\n".join(["Frequently asked questions:", *faqs]) if faqs else ""
        self._system = "\n\n".join(part for part in (prompt, facts, f"Your name is {name}. {SPOKEN}") if part)
        self._history: list[tuple[Role, str]] = []

    async def open(self) -> None:
        """Load the client library. Any other failure of the service shows at the first answer."""
        try:
            await self._service.open()
        except ServiceFailed as failure:
            self._service.warn(failure, "answers come from the offline brain")

    async def reply(self, text: str) -> AsyncIterator[str]:
        """Answer `text`, sentence by sentence, as soon as each is complete."""
        spoken = False
        try:
            async with aclosing(self._sentences(text)) as sentences:
                async for sentence in sentences:
                    spoken = True
                    yield sentence
        except ServiceFailed as failure:
            if spoken:
                self._service.warn(failure, "the answer ends after its last whole sentence")
                return
            self._service.warn(failure, "the offline brain answers")
            async for sentence in self._fallback.reply(text):
                yield sentence

    def remember(self, role: Role, text: str) -> None:
        """Keep what was said for the next request."""
        if text.strip():
            self._history = [*self._history, (role, text)][-LONGEST_HISTORY:]

    async def close(self) -> None:
        """Close the connections. The next answer opens new ones."""
        await self._service.close()

    async def _sentences(self, text: str) -> AsyncGenerator[str, None]:
        """Stream the service's answer. Its timeout runs while a sentence is awaited, not while one is spoken."""
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
        # The caller may have remembered the question already; it is sent once.
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
    reasoning, sentences = _ReasoningFilter(), SentenceStream(SHORTEST_START)
    async for chunk in stream:
        text, finished = _read(chunk)
        for sentence in sentences.feed(reasoning.feed(text)):
            yield sentence
        if finished:
            break
    for sentence in sentences.rest():
        yield sentence
    await _drain(stream)


async def _drain(stream: "AsyncStream[ChatCompletionChunk]") -> None:
    """Read a stream whose answer is complete to its end. Its errors do not matter any more."""
    import httpx2
    import openai

    with suppress(TimeoutError, openai.OpenAIError, httpx2.HTTPError, ValueError):
        async with asyncio.timeout(DRAIN_TIMEOUT):
            async for _ in stream:
                pass


def _read(chunk: object) -> tuple[str, bool]:
    """Return the text of a chunk, and whether it is the last one. The library does not validate chunks."""
    choices = getattr(chunk, "choices", None)
    if not isinstance(choices, list) or not choices:
        return "", False
    text = getattr(getattr(choices[0], "delta", None), "content", None)
    return text if isinstance(text, str) else "", bool(getattr(choices[0], "finish_reason", None))


class _ReasoningFilter:
    """Removes the reasoning in front of an answer."""

    def __init__(self) -> None:
        self._head: str | None = ""  # the stream so far; None once the answer began

    def feed(self, text: str) -> str:
        """Take more of the stream. Returns what is new of the answer."""
        if self._head is None:
            return text
        self._head += text
        head = self._head.lstrip()
        if not head.startswith(REASONING[: len(head)]):
            self._head = None
            return head
        if len(head) < len(REASONING) or END_OF_REASONING not in head:
            return ""
        self._head = None
        return head.partition(END_OF_REASONING)[2].lstrip()
