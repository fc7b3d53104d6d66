"""The one that speaks: livekit-agents' agent, with the site's context and what was said before it took over."""

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable

from livekit import rtc
from livekit.agents import Agent, ModelSettings
from livekit.agents.llm import ChatContext

# The pinned framework tells its nodes in no other way which answer they work for.
from livekit.agents.voice.agent_activity import _SpeechHandleContextVar

from agent.recorder import Recorder
from agent.site import History, Welcome

ROLES = {"user": "user", "avatar": "assistant"}


class Presenter(Agent):
    """Opens the conversation, unless it goes on with one that another agent had to leave."""

    def __init__(
        self, welcome: Welcome, recorder: Recorder, audience: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """`audience()` returns when somebody can hear the opening words."""
        super().__init__(instructions=welcome.prompt, chat_ctx=_context(welcome.history))
        self._opening = "" if welcome.history else welcome.opening_text.strip()
        self.owed = _owed(welcome.history)  # the question nobody has answered
        self._recorder = recorder
        self._audience = audience

    async def on_enter(self) -> None:
        if self._opening:
            if self._audience is not None:
                await self._audience()
            self.session.say(self._opening)
        elif self.owed:  # the agent that was asked is gone
            self.session.generate_reply()

    async def catch_up(self, history: History) -> None:
        """Before the session starts: take `history` for what was said."""
        await self.update_chat_ctx(_context(history))
        self.owed = _owed(history)

    async def tts_node(
        self, text: AsyncIterable[str], model_settings: ModelSettings
    ) -> AsyncGenerator[rtc.AudioFrame, None]:
        """As ever, but the whole text is noted: what was heard of it is known only when it is over."""
        meant = ""

        async def noted() -> AsyncIterable[str]:
            nonlocal meant
            async for piece in text:
                meant += piece
                yield piece
            self._recorder.means_to_say(meant, _SpeechHandleContextVar.get())

        async for frame in Agent.default.tts_node(self, noted(), model_settings):
            yield frame


def _owed(history: History) -> str:
    role, text = history[-1] if history else ("", "")
    return text if role == "user" else ""


def _context(history: History) -> ChatContext:
    context = ChatContext.empty()
    for role, text in history:
        context.add_message(role=ROLES[role], content=text)  # type: ignore[arg-type]
    return context
