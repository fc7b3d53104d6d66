"""livekit-agents' agent of a conversation: it has the site's context and the history, and speaks first."""

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable

from livekit import rtc
from livekit.agents import Agent, ModelSettings
from livekit.agents.llm import ChatContext

# Private, but the only way in the pinned framework for a node to know its answer.
from livekit.agents.voice.agent_activity import _SpeechHandleContextVar

from agent.conversation.session_reporter import SessionReporter
from agent.site.frames import AgentConfig, History

CHAT_ROLES = {"user": "user", "avatar": "assistant"}


class AvatarAgent(Agent):
    """Says the opening text, or continues a conversation whose agent was lost."""

    def __init__(
        self,
        config: AgentConfig,
        reporter: SessionReporter,
        wait_for_listener: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`wait_for_listener` returns when a person can hear the opening text."""
        super().__init__(instructions=config.context.prompt, chat_ctx=_chat_context(config.history))
        self._opening_text = "" if config.history else config.context.opening_text.strip()
        self.unanswered = _unanswered(config.history)  # the last question, when its agent was lost
        self._reporter = reporter
        self._wait_for_listener = wait_for_listener

    async def on_enter(self) -> None:
        if self._opening_text:
            if self._wait_for_listener is not None:
                await self._wait_for_listener()
            self.session.say(self._opening_text)
        elif self.unanswered:
            self.session.generate_reply()

    async def replace_history(self, history: History) -> None:
        """Continue from `history`. Call it before the session starts."""
        await self.update_chat_ctx(_chat_context(history))
        self.unanswered = _unanswered(history)

    async def tts_node(
        self, text: AsyncIterable[str], model_settings: ModelSettings
    ) -> AsyncGenerator[rtc.AudioFrame, None]:
        """Speak as the framework does, and report the whole text of the answer."""
        whole = ""

        async def collect() -> AsyncIterable[str]:
            nonlocal whole
            async for piece in text:
                whole += piece
                yield piece
            self._reporter.report_text(whole, _SpeechHandleContextVar.get())

        async for frame in Agent.default.tts_node(self, collect(), model_settings):
            yield frame


def _unanswered(history: History) -> str:
    return history[-1].text if history and history[-1].role == "user" else ""


def _chat_context(history: History) -> ChatContext:
    context = ChatContext.empty()
    for turn in history:
        context.add_message(role=CHAT_ROLES[turn.role], content=turn.text)  # type: ignore[arg-type]
    return context
