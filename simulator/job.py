"""What an avatar worker is told when its session starts."""

from typing import Any

from simulator.rooms import Rooms
from simulator.session import Session
from simulator.world import Avatar, Context, Voice
from voice.languages import voice_for_language


def start_command(
    session: Session, avatar: Avatar, voice: Voice, context: Context | None, rooms: Rooms, lifetime: float
) -> dict[str, Any]:
    """The worker's "start" line; holds tokens, so it is never logged. `lifetime` in seconds."""
    config = session.config
    return {
        "do": "start",
        "mode": config.mode,
        "session_id": session.id,
        "livekit_url": rooms.url,
        "avatar_token": rooms.avatar_token(session.id, lifetime),
        "agent_token": rooms.agent_token(session.id, lifetime),
        "avatar": avatar.art,
        "quality": config.quality,
        "encoding": config.encoding,
        "context": _context(context),
        "voice": {
            "name": voice.name,
            "espeak": voice_for_language(voice.espeak, config.language),
            "rate": round(voice.rate * config.speed),
            "pitch": voice.pitch,
        },
        "language": config.language,
        "interactivity_type": config.interactivity_type,
        "llm": None,
        "dynamic_variables": dict(config.dynamic_variables),
    }


def _context(context: Context | None) -> dict[str, Any] | None:
    if context is None:
        return None
    return {
        "name": context.name,
        "prompt": context.prompt,
        "opening_text": context.opening_text,
        "links": [{"url": link.url, "faq": link.faq} for link in context.links],
    }
