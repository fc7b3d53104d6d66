"""Answers without a network: small talk, the context's own sentences, or an honest "not in my context"."""

from collections.abc import AsyncIterator, Sequence

from voice.answering.brain import Role
from voice.answering.passages import PassageIndex
from voice.answering.small_talk import answer_small_talk
from voice.text.sentences import split_sentences

TOPICS_NAMED = 3


class OfflineBrain:
    """Answers each question from the context alone, so it needs no start-up and keeps nothing."""

    def __init__(self, *, name: str, prompt: str, faqs: Sequence[str] = ()) -> None:
        """`name` is the avatar's; `prompt` and `faqs` are the context's. Instructions in them are never spoken."""
        self._name = name
        self._passages = PassageIndex(prompt, faqs)

    async def open(self) -> None:
        """Do nothing: it is always ready."""

    async def reply(self, text: str) -> AsyncIterator[str]:
        """Answer `text`, sentence by sentence, each with the white space that follows it."""
        for sentence in split_sentences(self.answer(text)):
            yield sentence

    def remember(self, role: Role, text: str) -> None:
        """Do nothing: answers depend on the context alone."""

    async def close(self) -> None:
        """Do nothing: it holds no connection."""

    def answer(self, text: str) -> str:
        """Return the whole answer to `text`; never empty."""
        if answer := answer_small_talk(text, self._name, self._suggestion()):
            return answer
        if passages := self._passages.search(text):
            return " ".join(passages)
        if not self._passages:
            return "I was given no facts to answer from, so I would rather not guess."
        return f"That is not in my context, so I would rather not guess. {self._suggestion()}".strip()

    def _suggestion(self) -> str:
        topics = self._passages.topics[:TOPICS_NAMED]
        if not topics:
            return ""
        listed = topics[0] if len(topics) == 1 else f"{', '.join(topics[:-1])} or {topics[-1]}"
        return f"You could ask me about {listed}."
