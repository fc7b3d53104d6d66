"""Answers: what every brain offers, the choice of one, and the offline one.

The offline brain has small talk, the context's own sentences, or an honest "not in my context".
"""

from collections.abc import AsyncIterator, Sequence
from typing import Literal, Protocol

from voice.passages import Passages
from voice.sentences import split_sentences
from voice.settings import Endpoint, SpeechSettings
from voice.smalltalk import small_talk

TOPICS_NAMED = 3

Role = Literal["user", "assistant"]


class Brain(Protocol):
    """The brain of one conversation."""

    async def open(self) -> None:
        """Get ready now, so that the first answer need not wait. It works without, but slower."""

    def reply(self, text: str) -> AsyncIterator[str]:
        """The answer to `text`, sentence by sentence, each with the white space that follows it.

        Cancelling whoever waits for it ends the request behind it. Remembers nothing by itself.
        """

    def remember(self, role: Role, text: str) -> None:
        """What was really said: the user's words, and of an answer what was heard."""

    async def close(self) -> None:
        """Give back connections. Safe to call twice."""


def brain(
    settings: SpeechSettings,
    *,
    name: str,
    prompt: str,
    faqs: Sequence[str] = (),
    llm: Endpoint | None = None,
) -> Brain:
    """The brain of a context. `llm`, the session's own LLM configuration, goes before that of `settings`."""
    offline = OfflineBrain(name=name, prompt=prompt, faqs=faqs)
    endpoint = llm or settings.llm
    if endpoint is None:
        return offline
    # Imported here: it needs this module's names, and not everybody needs it.
    from voice.remote_brain import RemoteBrain

    return RemoteBrain(endpoint, name=name, prompt=prompt, faqs=faqs, offline=offline)


class OfflineBrain:
    """Needs no start-up and keeps nothing between questions."""

    def __init__(self, *, name: str, prompt: str, faqs: Sequence[str] = ()) -> None:
        """`prompt` and `faqs` are a context's. Of the prompt the facts are used, not the instructions."""
        self._name = name
        self._passages = Passages(prompt, faqs)

    async def open(self) -> None:
        """There is nothing to wait for."""

    async def reply(self, text: str) -> AsyncIterator[str]:
        """The answer to `text`, sentence by sentence, each with the white space that follows it."""
        for sentence in split_sentences(self.answer(text)):
            yield sentence

    def remember(self, role: Role, text: str) -> None:
        """Every question is answered from the context alone, so nothing is kept."""

    async def close(self) -> None:
        """There is nothing to give back."""

    def answer(self, text: str) -> str:
        """The whole answer to `text`; never empty."""
        if said := small_talk(text, self._name, self._suggestion()):
            return said
        if found := self._passages.search(text):
            return " ".join(found)
        if not self._passages:
            return "I was given no facts to answer from, so I would rather not guess."
        return f"That is not in my context, so I would rather not guess. {self._suggestion()}".strip()

    def _suggestion(self) -> str:
        topics = self._passages.topics[:TOPICS_NAMED]
        if not topics:
            return ""
        listed = topics[0] if len(topics) == 1 else f"{', '.join(topics[:-1])} or {topics[-1]}"
        return f"You could ask me about {listed}."
