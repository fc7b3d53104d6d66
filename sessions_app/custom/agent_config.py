"""What an agent is told: its part in the conversation, and where its avatar listens."""

from typing import Any

from liveavatar import StartedSession
from sessions_app.clients import liveavatar
from sessions_app.models import AvatarSession


async def agent_config(session: AvatarSession) -> dict[str, Any]:
    """Return what the agent is told of its part: name, language and context. Raises LiveAvatarError."""
    context: dict[str, Any] = {"prompt": "", "opening_text": "", "faqs": []}
    if session.context_id:
        found = await liveavatar().context(session.context_id)
        context = {
            "prompt": found.prompt,
            "opening_text": found.opening_text or "",
            "faqs": [link.faq for link in found.links if link.faq],
        }
    return {"avatar_name": session.avatar_name, "language": session.language, "context": context}


def avatar_addresses(started: StartedSession, *, own_room: bool) -> dict[str, Any]:
    """Return the media websocket's address and, in the vendor's room, the agent's access to it."""
    if own_room:
        return {"ws_url": started.ws_url or ""}
    return {
        "ws_url": started.ws_url or "",
        "room_url": started.livekit_url or "",
        "room_token": started.livekit_agent_token or "",
    }
