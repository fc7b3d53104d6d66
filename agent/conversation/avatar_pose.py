"""The avatar's pose: listening or waiting (LiveAvatar agent skills, turn pattern)."""

import asyncio
from typing import Any

from livekit.agents import AgentSession

from agent.avatar.output import AvatarOutput


class AvatarPose:
    """The avatar listens while the user speaks, and while the agent waits for the user."""

    def __init__(self, session: AgentSession[Any], output: AvatarOutput) -> None:
        self._session = session
        self._output = output
        self._is_listening = False

    def follow_session(self) -> None:
        """Change the pose with the states of the session."""
        self._session.on("user_state_changed", self._on_state)
        self._session.on("agent_state_changed", self._on_state)

    def set_listening(self, listening: bool) -> None:
        """Change the pose now, until the next change of a state."""
        if listening != self._is_listening:
            self._is_listening = listening
            self._output.set_listening(listening)

    def _on_state(self, _: object) -> None:
        # After the framework's own reaction: it emits the event before it pauses the answer.
        asyncio.get_running_loop().call_soon(self._update)

    def _update(self) -> None:
        user_speaks, state = self._session.user_state == "speaking", self._session.agent_state
        if user_speaks:
            self._output.silence_predecessor()
        self.set_listening(state == "listening" or (user_speaks and state != "speaking"))
