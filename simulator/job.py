"""The command that starts a session in an avatar worker."""

from dataclasses import asdict
from typing import Any

from simulator.casting import Cast
from simulator.rooms import Rooms
from simulator.session import Session, SessionConfig
from simulator.world import Voice
from voice.speaking.espeak.languages import voice_for_language


def start_command(session: Session, cast: Cast, rooms: Rooms, lifetime: float) -> dict[str, Any]:
    """Return the "start" command for FULL. Never log it: it holds tokens.

    `lifetime` is the session's longest duration in seconds; the tokens are valid a little longer.
    """
    config = session.config
    return {
        **_appearance(session, cast),
        "livekit_url": rooms.url,
        "avatar_token": rooms.avatar_token(session.id, lifetime),
        "agent_token": rooms.agent_token(session.id, lifetime),
        "context": _context(cast),
        "voice": _voice(cast.voice, config) if cast.voice else None,
        "language": config.language,
        "interactivity_type": config.interactivity_type,
        "llm": asdict(cast.llm) if cast.llm else None,
        "dynamic_variables": dict(config.dynamic_variables),
    }


def lite_start_command(
    session: Session, cast: Cast, rooms: Rooms, lifetime: float, longest_buffer: float
) -> dict[str, Any]:
    """Return the "start" command for LITE, for a hosted room or the customer's own.

    `longest_buffer` is the longest audio queue, in seconds. Never log the command: it holds tokens.
    """
    room = session.config.room
    return {
        **_appearance(session, cast),
        "livekit_url": room.url if room else rooms.url,
        "avatar_token": room.token if room else rooms.avatar_token(session.id, lifetime),
        "longest_buffer": longest_buffer,
    }


def _appearance(session: Session, cast: Cast) -> dict[str, Any]:
    return {
        "do": "start",
        "mode": session.config.mode,
        "session_id": session.id,
        "avatar": cast.avatar.art,
        "quality": session.config.quality,
        "encoding": session.config.encoding,
    }


def _voice(voice: Voice, config: SessionConfig) -> dict[str, Any]:
    return {
        "name": voice.name,
        "espeak": voice_for_language(voice.espeak, config.language),
        "rate": round(voice.rate * config.speed),
        "pitch": voice.pitch,
    }


def _context(cast: Cast) -> dict[str, Any] | None:
    context = cast.context
    if context is None:
        return None
    return {
        "name": context.name,
        "prompt": f"{context.prompt}\n\n{cast.memory}" if cast.memory else context.prompt,
        "opening_text": context.opening_text,
        "links": [{"url": link.url, "faq": link.faq} for link in context.links],
    }
