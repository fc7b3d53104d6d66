"""The faults this simulator can have on purpose, in one table: API, page and acting read it."""

from simulator.faults import BadFault, Choice, Fault, Number

ENDPOINTS = ("any", "token", "start", "stop", "keep-alive")
STATUSES = (
    "500", "400", "401", "403/4003", "403/4032", "403/4033", "404", "422", "429", "502", "503",
)  # fmt: skip
_endpoint = Choice("endpoint", "Calls of", ENDPOINTS)
_performed = Choice("performed", "What was asked for is done all the same", ("no", "yes"))
_after = Number("after", "Seconds after the start, or from now", 0, high=3600)

FAULTS = (
    Fault(
        "slow", "request", "Slow", "Answers as usual, but late.", (_endpoint, Number("seconds", "Seconds", 5))
    ),
    Fault(
        "status",
        "request",
        "Refused",
        "Answers with an error in the service's own words. 4003 is not authenticated, 4032 too many sessions, "
        "4033 no credits; 429 brings Retry-After.",
        (
            _endpoint,
            Choice("status", "Status", STATUSES),
            Number("retry_after", "Retry-After of a 429, in seconds", 1, low=1),
        ),
    ),
    Fault(
        "hang",
        "request",
        "No answer",
        "Takes the request and never answers: the client has to give up.",
        (_endpoint, _performed),
    ),
    Fault(
        "reset",
        "request",
        "Connection reset",
        "Cuts the connection without an answer.",
        (_endpoint, _performed),
    ),
    Fault(
        "html",
        "request",
        "HTML error page",
        "Answers 502 with the page of a proxy in front of the service: no JSON, no CORS headers.",
        (_endpoint, _performed),
    ),
    Fault(
        "garbage",
        "request",
        "Not JSON",
        "Answers 200 with a body that cannot be read.",
        (_endpoint, _performed),
    ),
    Fault(
        "truncated",
        "request",
        "Cut short",
        "Announces a whole answer, sends half of it and closes the connection.",
        (_endpoint, _performed),
    ),
    Fault(
        "code_100",
        "request",
        "Code 100",
        "Succeeds with the business code 100 of the OpenAPI document in place of 1000.",
        (_endpoint,),
    ),
    Fault(
        "status_200",
        "request",
        "200 for 201",
        "Succeeds with status 200 where 201 is documented.",
        (_endpoint,),
    ),
    Fault("silent", "session", "Silent avatar", "The mouth moves, the track carries silence."),
    Fault("frozen", "session", "Frozen picture", "The picture stands still, the voice goes on."),
    Fault(
        "events",
        "session",
        "Odd events",
        "Every event comes twice, overtakes the one before it, follows one nobody knows, or follows a packet that "
        "is no event.",
        (Choice("how", "Events are", ("duplicated", "reordered", "unknown", "malformed")),),
    ),
    Fault(
        "old_vocabulary",
        "session",
        "Old vocabulary",
        "Speaks as the service did in its first year: no chunks, no buffer or state events, no source_event_id.",
    ),
    Fault(
        "thinking",
        "session",
        "Slow answers",
        "The avatar thinks before every answer.",
        (Number("seconds", "Seconds", 8),),
    ),
    Fault(
        "loss",
        "session",
        "Packet loss",
        "Loses media packets in the embedded room: towards every participant, and from the visitor.",
        (Number("down", "% towards clients", 3, high=100), Number("up", "% from the visitor", 0, high=100)),
        needs_embedded_rooms=True,
    ),
    Fault(
        "late_connected",
        "session",
        "Late `connected`",
        "LITE: the media websocket is open, but says connected late. What is sent before is dropped.",
        (Number("seconds", "Seconds", 5),),
    ),
    Fault("no_connected", "session", "No `connected`", "LITE: the media websocket never says connected."),
    Fault(
        "no_farewell",
        "session",
        "No session.stopped",
        "The session ends without a word: the room just closes.",
    ),
    Fault(
        "hang_worker",
        "session",
        "Worker hangs",
        "The avatar process stops in its tracks (SIGSTOP): picture, voice and events cease, the room stays.",
        (_after,),
    ),
    Fault(
        "socket_dropped",
        "session",
        "Websocket dropped",
        "LITE: closes the media websocket, abruptly (1006: no closing handshake) or with a code.",
        (Choice("code", "Close code", ("1006", "1000", "1001", "1011", "1012")), _after),
        passing=True,
    ),
    Fault(
        "avatar_leaves",
        "session",
        "Avatar leaves",
        "`heygen` leaves the room. Agent, room and session stay.",
        (_after,),
        passing=True,
    ),
    Fault(
        "agent_leaves",
        "session",
        "Agent leaves",
        "`liveavatar-agent-…` leaves the room: nobody listens, no events come. The session stays.",
        (_after,),
        passing=True,
    ),
    Fault(
        "room_closed",
        "session",
        "Room closed",
        "The room is deleted under the session, which ends with SERVER_ERROR.",
        (_after,),
        passing=True,
    ),
    Fault(
        "worker_crash",
        "session",
        "Worker crashes",
        "The avatar process is killed (SIGKILL). The session ends with SERVER_ERROR.",
        (_after,),
        passing=True,
    ),
    Fault(
        "no_credits",
        "session",
        "Credits run out",
        "The session ends with NO_CREDITS, as when the next minute cannot be paid.",
        (_after,),
        passing=True,
    ),
    Fault(
        "max_duration",
        "session",
        "Time is up",
        "The session ends with MAX_DURATION_REACHED.",
        (Number("after", "Seconds after the start, or from now", 20, high=3600),),
        passing=True,
    ),
)

BY_NAME = {fault.name: fault for fault in FAULTS}


def fault_named(name: object) -> Fault:
    """Raises BadFault."""
    fault = BY_NAME.get(name) if isinstance(name, str) else None
    if fault is None:
        raise BadFault(f"fault must be one of {', '.join(BY_NAME)}")
    return fault
