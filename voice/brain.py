"""Answers without a network: small talk, the context's own sentences, or an honest "not in my context"."""

from collections.abc import AsyncIterator, Sequence

from voice.passages import Passages
from voice.sentences import split_sentences
from voice.smalltalk import small_talk

TOPICS_NAMED = 3


class OfflineBrain:
    """The brain of one conversation. Needs no start-up and keeps nothing between questions."""

    def __init__(self, *, name: str, prompt: str, faqs: Sequence[str] = ()) -> None:
        """`prompt` and `faqs` are a context's. Of the prompt the facts are used, not the instructions."""
        self._name = name
        self._passages = Passages(prompt, faqs)

    async def reply(self, text: str) -> AsyncIterator[str]:
        """The answer to `text`, sentence by sentence, each with the white space that follows it."""
        for sentence in split_sentences(self.answer(text)):
            yield sentence

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
