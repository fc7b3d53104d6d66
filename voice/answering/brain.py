"""What every brain offers: answers to one visitor, sentence by sentence."""

from collections.abc import AsyncIterator
from typing import Literal, Protocol

Role = Literal["user", "assistant"]


class Brain(Protocol):
    """The brain of one conversation."""

    async def open(self) -> None:
        """Prepare the first answer. Without it the first answer takes longer."""

    def reply(self, text: str) -> AsyncIterator[str]:
        """Answer `text`, sentence by sentence, each with the white space that follows it.

        Closing the iterator, or cancelling the task that reads it, ends the request behind it. The answer is not
        remembered: call `remember` with what was heard.
        """

    def remember(self, role: Role, text: str) -> None:
        """Keep what was really said: the user's words, and of an answer the part that was heard."""

    async def close(self) -> None:
        """Give back connections. Safe to call twice."""
