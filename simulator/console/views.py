"""Sessions as the control API returns them and as the page shows them."""

import asyncio
import logging
from datetime import datetime
from typing import Any

from livekit.protocol import models

from simulator.console.state import Console
from simulator.rooms import AVATAR_IDENTITY, RoomsUnavailable
from simulator.session import Session, State
from simulator.world import now

logger = logging.getLogger(__name__)

LATEST_ENDED = 8
PATIENCE_S = 2.0  # timeout of the room server's list of participants

ParticipantInfo = models.ParticipantInfo


async def sessions_seen(console: Console) -> list[dict[str, Any]]:
    """Return the running sessions, newest first, then the latest ended ones."""
    ended = console.sessions.listed("historic")[:LATEST_ENDED]
    return list(
        await asyncio.gather(
            *(session_seen(console, session) for session in [*console.sessions.listed("active"), *ended])
        )
    )


async def session_seen(console: Console, session: Session) -> dict[str, Any]:
    """Return one session. Durations are seconds, times are ISO 8601."""
    running = console.sessions.running(session.id)
    avatar = console.world.avatars.get(session.config.avatar_id)
    return {
        "id": session.id,
        "state": session.state,
        "mode": session.config.mode,
        "is_sandbox": session.config.is_sandbox,
        "avatar": avatar.name if avatar else session.config.avatar_id,
        "created_at": session.created_at.isoformat(),
        "started_at": _moment(session.started_at),
        "end_at": _moment(session.end_at),
        "end_reason": session.end_reason,
        "age": _age(session),
        "remaining": running.remaining if running else None,
        "credits_consumed": float(session.credits_consumed),
        "media_connected": running.media.connected if running and running.media else None,
        "lines": len(session.transcript),
        "participants": await _participants(console, session) if running else [],
    }


async def _participants(console: Console, session: Session) -> list[dict[str, Any]]:
    try:
        async with asyncio.timeout(PATIENCE_S):
            occupants = await console.rooms.occupants(session.id)
            return [_participant(info) for info in sorted(occupants, key=_rank)]
    except (RoomsUnavailable, TimeoutError) as error:
        logger.warning("session %s: cannot list the participants: %s", session.id, error or "no answer")
        return []


def _rank(info: ParticipantInfo) -> tuple[bool, bool, str]:
    """Sort the avatar first, then agents, then all other participants."""
    return info.identity != AVATAR_IDENTITY, info.kind == ParticipantInfo.Kind.STANDARD, info.identity


def _participant(info: ParticipantInfo) -> dict[str, Any]:
    return {
        "identity": info.identity,
        "kind": ParticipantInfo.Kind.Name(info.kind).lower(),
        "state": ParticipantInfo.State.Name(info.state).lower(),
        "tracks": [
            {
                "kind": models.TrackType.Name(track.type).lower(),
                "source": models.TrackSource.Name(track.source).lower(),
                "codec": track.mime_type.partition("/")[2],
                "muted": track.muted,
                "width": track.width,
                "height": track.height,
            }
            for track in info.tracks
        ],
    }


def _age(session: Session) -> int:
    if session.state is State.STARTING:
        return int((now() - session.updated_at).total_seconds())
    return session.duration


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
