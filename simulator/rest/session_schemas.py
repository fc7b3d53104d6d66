"""The schemas of `/v1/sessions` (LiveAvatar OpenAPI)."""

from simulator.rest.endpoints import PAGING
from simulator.rest.schema import (
    FLAG,
    NUMBER,
    TEXT,
    TIME,
    UUID,
    WHOLE,
    Schema,
    answer,
    array,
    body,
    described,
    nullable,
    one_of,
)
from simulator.session import EndReason

REASON = one_of(*EndReason)

TOKEN = answer("SessionToken", session_id=UUID, session_token=described(TEXT, "A JWT"))
STARTED = answer(
    "StartedSession",
    session_id=UUID,
    livekit_url=nullable(TEXT),
    livekit_client_token=nullable(TEXT),
    livekit_agent_token=described(nullable(TEXT), "LITE only"),
    ws_url=described(nullable(TEXT), "LITE only"),
    max_session_duration=described(nullable(WHOLE), "Seconds"),
)
SESSION_NAMED = body("SessionNamed", session_id=described(UUID, "Required with an API key"))
STOP = body(
    "StopSession",
    session_id=described(UUID, "Required with an API key"),
    reason={**REASON, "default": EndReason.UNKNOWN},
)
ANY_SESSION = answer(
    "Session",
    {"end_at": nullable(TIME), "end_reason": nullable(REASON)},
    id=UUID,
    created_at=TIME,
    updated_at=TIME,
    duration=described(WHOLE, "Seconds"),
    source=one_of("DEMO", "APP", "API", "EMBED"),
    mode=one_of("FULL", "LITE"),
    is_sandbox=FLAG,
    credits_consumed=NUMBER,
)
TRANSCRIPT = answer(
    "Transcript",
    session_active=FLAG,
    next_timestamp=nullable(WHOLE),
    transcript_data=array(
        answer(
            "TranscriptLine",
            role=one_of("user", "avatar"),
            transcript=TEXT,
            absolute_timestamp=described(WHOLE, "Milliseconds since 1970"),
            relative_timestamp=described(WHOLE, "Milliseconds since the session's start"),
        )
    ),
)
LIST_QUERY: dict[str, Schema] = {
    "type": one_of("active", "historic"),
    **PAGING,
    "avatar_id": TEXT,
    "embed_id": TEXT,
    "context_id": TEXT,
}
TRANSCRIPT_QUERY: dict[str, Schema] = {
    "start_timestamp": described(WHOLE, "Milliseconds since 1970, inclusive"),
    "end_timestamp": described(WHOLE, "Milliseconds since 1970, inclusive"),
}
