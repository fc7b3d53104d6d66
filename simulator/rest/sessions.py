"""`/v1/sessions`: create, start, keep alive, stop and read sessions."""

from datetime import datetime
from http import HTTPStatus
from typing import Any

from aiohttp import web

from simulator import refusals
from simulator.rest.account import account_of, bearer_session, has_bearer, owned_account
from simulator.rest.edge import success
from simulator.rest.endpoints import Endpoint
from simulator.rest.fields import Fields, read_json
from simulator.rest.paging import Query
from simulator.rest.path import id_in_path
from simulator.rest.schema import paged
from simulator.rest.session_schemas import (
    ANY_SESSION,
    LIST_QUERY,
    SESSION_NAMED,
    STARTED,
    STOP,
    TOKEN,
    TRANSCRIPT,
    TRANSCRIPT_QUERY,
)
from simulator.rest.token_body import parse_token_body
from simulator.rest.token_schema import TOKEN_REQUEST
from simulator.session import EndReason, Session, State


def endpoints() -> tuple[Endpoint, ...]:
    all_, one = "/v1/sessions", "/v1/sessions/{session_id}"
    return (
        Endpoint("POST", f"{all_}/token", mint, "Create a session token", TOKEN, body=TOKEN_REQUEST),
        Endpoint(
            "POST",
            f"{all_}/start",
            start,
            "Start a session",
            STARTED,
            auth="bearer",
            status=HTTPStatus.CREATED,
        ),
        Endpoint("POST", f"{all_}/stop", stop, "Stop a session", auth="either", body=STOP),
        Endpoint(
            "POST",
            f"{all_}/keep-alive",
            keep_alive,
            "Keep a session alive",
            auth="either",
            body=SESSION_NAMED,
        ),
        Endpoint(
            "GET",
            all_,
            list_sessions,
            "List sessions, newest first",
            paged(ANY_SESSION),
            query=LIST_QUERY,
            required_query=("type",),
        ),
        Endpoint("GET", one, show, "Show a session", ANY_SESSION),
        Endpoint(
            "GET", f"{one}/transcript", transcript, "Read a transcript", TRANSCRIPT, query=TRANSCRIPT_QUERY
        ),
        Endpoint("DELETE", f"{one}/events", forget_events, "Delete a transcript", auth="either"),
    )


async def mint(request: web.Request) -> web.Response:
    """Create a session and its token. Memories are looked up now, all other entries at the start."""
    account = owned_account(request)
    parsed = parse_token_body(await read_json(request), strict_modes=account.strict_modes)
    config = await account.memories.attached(parsed)
    session = account.sessions.mint(config)
    return success({"session_id": session.id, "session_token": account.tokens.mint(session)})


async def start(request: web.Request) -> web.Response:
    """Start the bearer's session. Ignore an API key and the body: livekit starter sends both."""
    session = bearer_session(request)
    await read_json(request)
    admission = await account_of(request).sessions.start(session)
    body = {
        "session_id": session.id,
        "livekit_url": admission.livekit_url,
        "livekit_client_token": admission.visitor_token,
        # Null in FULL: if there is a ws_url, web SDK 0.0.18 sends all commands there.
        "livekit_agent_token": admission.agent_token,
        "ws_url": admission.ws_url,
        "max_session_duration": admission.max_duration,
    }
    return success(body, HTTPStatus.CREATED)


async def stop(request: web.Request) -> web.Response:
    """Without a body the reason is USER_CLOSED. With a body without a reason it is UNKNOWN (LiveAvatar OpenAPI)."""
    body = await read_json(request)
    session = _addressed(request, body)
    fields = Fields({"reason": EndReason.USER_CLOSED} if body is None else body)
    reason = fields.choice("reason", tuple(EndReason), EndReason.UNKNOWN)
    fields.check()
    await account_of(request).sessions.stop(session, EndReason(reason))
    return success()


async def keep_alive(request: web.Request) -> web.Response:
    session = _addressed(request, await read_json(request))
    account_of(request).sessions.keep_alive(session)
    return success()


async def list_sessions(request: web.Request) -> web.Response:
    """The simulator has no sessions from embeds, so a filter by `embed_id` finds none."""
    account = owned_account(request)
    query = Query(request)
    kind = query.choice("type", ("active", "historic"))
    avatar_id, context_id = query.optional_text("avatar_id"), query.optional_text("context_id")
    wanted = query.page()
    query.check()
    if "embed_id" in query:
        return success(wanted.answer(request, 0, ()))
    if kind == "active":
        active = [
            session
            for session in account.sessions.listed("active")
            if avatar_id in (None, session.config.avatar_id)
            and context_id in (None, session.config.context_id)
        ]
        count, sessions = len(active), active[wanted.start : wanted.start + wanted.size]
    else:
        count, sessions = await account.history.ended(avatar_id, context_id, wanted.start, wanted.size)
    return success(wanted.answer(request, count, map(entry, sessions)))


async def show(request: web.Request) -> web.Response:
    owned_account(request)
    return success(entry(await _in_path(request)))


async def transcript(request: web.Request) -> web.Response:
    """Timestamps are milliseconds: absolute ones since 1970, relative ones since the session's start.

    The OpenAPI document gives integers without a unit. A client that sends `next_timestamp` as `start_timestamp` gets
    only later lines.
    """
    account = owned_account(request)
    query = Query(request)
    begin, end = query.whole("start_timestamp"), query.whole("end_timestamp")
    query.check()
    session = await _in_path(request)
    lines = account.sessions.transcript(session, begin, end)
    return success(
        {
            "session_active": session.state in (State.STARTING, State.ACTIVE),
            "next_timestamp": lines[-1].at + 1 if lines else begin,
            "transcript_data": [
                {
                    "role": line.role,
                    "transcript": line.text,
                    "absolute_timestamp": line.at,
                    "relative_timestamp": session.since_start(line),
                }
                for line in lines
            ],
        }
    )


async def forget_events(request: web.Request) -> web.Response:
    """Accept the API key or the session's own bearer token (LiveAvatar changelog, 2026-05-13)."""
    if not has_bearer(request):
        owned_account(request)
    elif bearer_session(request).id != id_in_path(request):
        raise refusals.not_authenticated()
    account_of(request).sessions.forget_lines(await _in_path(request))
    return success()


def entry(session: Session) -> dict[str, Any]:
    """Return a session as the API shows it."""
    shown = {
        "id": session.id,
        "created_at": session.created_at.isoformat(),
        "updated_at": session.updated_at.isoformat(),
        "duration": session.duration,
        "source": "API",
        "mode": session.config.mode,
        "is_sandbox": session.config.is_sandbox,
        "credits_consumed": float(session.credits_consumed),
    }
    if session.state is State.ENDED:
        shown |= {"end_at": _moment(session.end_at), "end_reason": session.end_reason}
    return shown


def _addressed(request: web.Request, body: Any) -> Session:
    """Return the session of a stop or keep-alive: the bearer's, else the one that the body names (with an API key)."""
    if has_bearer(request):
        return bearer_session(request)
    account = owned_account(request)
    fields = Fields({} if body is None else body)
    session_id = fields.uuid("session_id")
    fields.check()
    return account.sessions.find(session_id)


async def _in_path(request: web.Request) -> Session:
    return await account_of(request).sessions.recall(id_in_path(request))


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
