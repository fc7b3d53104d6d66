"""`/v1/sessions`: mint, start, keep alive, stop, and look at sessions."""

from collections.abc import Iterable
from datetime import datetime
from http import HTTPStatus
from typing import Any, Literal, cast

from aiohttp import web

from simulator import refusals
from simulator.rest.account import account_of, bearer_session, has_bearer, owned_account
from simulator.rest.edge import success
from simulator.rest.fields import Fields, parse_uuid, read_json
from simulator.rest.paging import page, query_int
from simulator.rest.token_body import parse_token_body
from simulator.session import EndReason, Session, State


def routes() -> Iterable[web.RouteDef]:
    return (
        web.post("/v1/sessions/token", mint),
        web.post("/v1/sessions/start", start),
        web.post("/v1/sessions/stop", stop),
        web.post("/v1/sessions/keep-alive", keep_alive),
        web.get("/v1/sessions", list_sessions),
        web.get("/v1/sessions/{session_id}", show),
        web.get("/v1/sessions/{session_id}/transcript", transcript),
        web.delete("/v1/sessions/{session_id}/events", forget_events),
    )


async def mint(request: web.Request) -> web.Response:
    account = owned_account(request)
    session = account.sessions.mint(parse_token_body(await read_json(request)))
    return success({"session_id": session.id, "session_token": account.tokens.mint(session)})


async def start(request: web.Request) -> web.Response:
    """Only the bearer counts; an API key beside it is ignored, and so is the body (seen in livekit starter)."""
    session = bearer_session(request)
    await read_json(request)
    admission = await account_of(request).sessions.start(session)
    body = {
        "session_id": session.id,
        "livekit_url": admission.livekit_url,
        "livekit_client_token": admission.visitor_token,
        # Null in FULL: the web SDK 0.0.18 sends all commands to a ws_url as soon as there is one.
        "livekit_agent_token": None,
        "ws_url": None,
        "max_session_duration": admission.max_duration,
    }
    return success(body, HTTPStatus.CREATED)


async def stop(request: web.Request) -> web.Response:
    """Without any body the reason is USER_CLOSED, without a reason in it UNKNOWN (LiveAvatar OpenAPI)."""
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
    account = owned_account(request)
    kind = request.query.get("type")
    if kind not in ("active", "historic"):
        raise refusals.invalid("query.type: Input should be 'active' or 'historic'")
    sessions = account.sessions.listed(cast(Literal["active", "historic"], kind))
    return success(page(request, [session for session in sessions if _matches(request, session)], entry))


async def show(request: web.Request) -> web.Response:
    owned_account(request)
    return success(entry(_in_path(request)))


async def transcript(request: web.Request) -> web.Response:
    """Timestamps are milliseconds: absolute since 1970, relative since the session's start.

    The OpenAPI document says integers and no unit. `next_timestamp` is what to send as `start_timestamp` to get
    only what is said later.
    """
    account = owned_account(request)
    session = _in_path(request)
    begin = query_int(request, "start_timestamp", None)
    lines = account.sessions.transcript(session, begin, query_int(request, "end_timestamp", None))
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
    """With the API key, or with the session's bearer (LiveAvatar changelog, 2026-05-13)."""
    if has_bearer(request):
        if bearer_session(request) is not _in_path(request):
            raise refusals.not_authenticated()
    else:
        owned_account(request)
    _in_path(request).transcript.clear()
    return success()


def entry(session: Session) -> dict[str, Any]:
    """A session as lists show it."""
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
    """The session a stop or keep-alive is for: the bearer's, else the one an API key's owner names."""
    if has_bearer(request):
        return bearer_session(request)
    account = owned_account(request)
    fields = Fields({} if body is None else body)
    session_id = fields.uuid("session_id")
    fields.check()
    return account.sessions.find(session_id)


def _in_path(request: web.Request) -> Session:
    session_id = parse_uuid(request.match_info["session_id"])
    if session_id is None:
        raise refusals.invalid("path.session_id: Input should be a valid UUID")
    return account_of(request).sessions.find(session_id)


def _matches(request: web.Request, session: Session) -> bool:
    """No session here comes from an embed, so a filter by `embed_id` finds none."""
    config = session.config
    values = {"avatar_id": config.avatar_id, "context_id": config.context_id, "embed_id": None}
    return all(request.query[name] == value for name, value in values.items() if name in request.query)


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
