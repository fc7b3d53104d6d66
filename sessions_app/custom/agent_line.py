"""What the site sends to a session's agent, through the process that holds the agent's websocket."""

import asyncio
from types import TracebackType
from typing import Any, Self

from channels.layers import get_channel_layer

from sessions_app.models import AgentLease, AvatarSession


def agent_group(session: AvatarSession) -> str:
    """The channel layer's group of the session's agent."""
    return f"agent.{session.key.hex}"


async def send_start(session: AvatarSession, start: dict[str, Any]) -> None:
    """Store the avatar's addresses in the lease, and tell the agent to read them."""
    await AgentLease.objects.filter(session=session).aupdate(start=start)
    await _send(agent_group(session), {"type": "agent.start"})


async def send_command(session: AvatarSession, command: dict[str, Any]) -> None:
    """Send the agent a command as the page sends it (docs/protocol.md)."""
    await _send(agent_group(session), {"type": "agent.do", "command": command})


async def dismiss_agent(session: AvatarSession) -> None:
    """Tell the agent that the session is over: it closes the media websocket and leaves."""
    await _send(agent_group(session), {"type": "agent.end", "reason": session.end_reason})


async def report_hello(session: AvatarSession, attempt: int) -> None:
    """Tell the process that waits for this attempt's agent that it has come."""
    await _send(_hello_group(session), {"type": "agent.hello", "attempt": attempt})


class Hellos:
    """Hellos of a session's agents, from every process of the site. Listens while the context is open."""

    def __init__(self, session: AvatarSession) -> None:
        self._group = _hello_group(session)
        self._channel = ""

    async def __aenter__(self) -> Self:
        layer = get_channel_layer()
        assert layer is not None
        self._channel = await layer.new_channel()
        await layer.group_add(self._group, self._channel)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        layer = get_channel_layer()
        assert layer is not None
        await layer.group_discard(self._group, self._channel)

    async def wait_for(self, attempt: int, seconds: float) -> bool:
        """Wait for the hello of that attempt; False after `seconds`."""
        layer = get_channel_layer()
        assert layer is not None
        try:
            async with asyncio.timeout(seconds):
                while True:
                    message = await layer.receive(self._channel)
                    if message["attempt"] == attempt:
                        return True
        except TimeoutError:
            return False


def _hello_group(session: AvatarSession) -> str:
    return f"agent.{session.key.hex}.start"


async def _send(group: str, message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    if layer is not None:
        await layer.group_send(group, message)
