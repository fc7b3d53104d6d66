"""The table of all faults. The control API, the console and the fault modules read it."""

from simulator.faults import BadFault, Choice, Fault, Number

ENDPOINTS = ("any", "token", "start", "stop", "keep-alive")
STATUSES = (
    "500", "400", "401", "403/4003", "403/4032", "403/4033", "404", "422", "429", "502", "503",
)  # fmt: skip
_endpoint = Choice("endpoint", "Calls of", ENDPOINTS)
_performed = Choice("performed", "Carry out the request anyway", ("no", "yes"))
_after = Number("after", "Seconds after the start, or from now", 0, high=3600)

FAULTS = (
    Fault(
        "slow", "request", "Slow", "Answers normally, but late.", (_endpoint, Number("seconds", "Seconds", 5))
    ),
    Fault(
        "status",
        "request",
        "Refused",
        "Answers with an error of the service. 4003: not authenticated, 4032: too many sessions, 4033: no credits. "
        "429 has a Retry-After header.",
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
        "Accepts the request and never answers. The client must time out.",
        (_endpoint, _performed),
    ),
    Fault(
        "reset",
        "request",
        "Connection reset",
        "Resets the connection without an answer.",
        (_endpoint, _performed),
    ),
    Fault(
        "html",
        "request",
        "HTML error page",
        "Answers 502 with the error page of a proxy: no JSON, no CORS headers.",
        (_endpoint, _performed),
    ),
    Fault(
        "garbage",
        "request",
        "Not JSON",
        "Answers 200 with a body that is not JSON.",
        (_endpoint, _performed),
    ),
    Fault(
        "truncated",
        "request",
        "Cut short",
        "Sends half of the announced body and closes the connection.",
        (_endpoint, _performed),
    ),
    Fault(
        "code_100",
        "request",
        "Code 100",
        "Succeeds with business code 100, as in the OpenAPI document, in place of 1000.",
        (_endpoint,),
    ),
    Fault(
        "status_200",
        "request",
        "200 for 201",
        "Succeeds with status 200 in place of the documented 201.",
        (_endpoint,),
    ),
    Fault("silent", "session", "Silent avatar", "The mouth moves, but the audio track is silent."),
    Fault("frozen", "session", "Frozen picture", "The picture freezes, the voice continues."),
    Fault(
        "events",
        "session",
        "Odd events",
        "Every event is sent twice, is sent before the previous one, follows an unknown event, or follows a packet "
        "that is not an event.",
        (Choice("how", "Events are", ("duplicated", "reordered", "unknown", "malformed")),),
    ),
    Fault(
        "old_vocabulary",
        "session",
        "Old vocabulary",
        "Sends the events of the service's first year: no chunks, no buffer or state events, no source_event_id.",
    ),
    Fault(
        "thinking",
        "session",
        "Slow answers",
        "The avatar waits before every answer.",
        (Number("seconds", "Seconds", 8),),
    ),
    Fault(
        "loss",
        "session",
        "Packet loss",
        "The embedded room server drops media packets, to all participants and from the visitor.",
        (Number("down", "% to clients", 3, high=100), Number("up", "% from the visitor", 0, high=100)),
        needs_embedded_rooms=True,
    ),
    Fault(
        "late_connected",
        "session",
        "Late `connected`",
        "LITE: the media websocket opens, but sends connected late. Commands before that are dropped.",
        (Number("seconds", "Seconds", 5),),
    ),
    Fault("no_connected", "session", "No `connected`", "LITE: the media websocket never sends connected."),
    Fault(
        "no_farewell",
        "session",
        "No session.stopped",
        "The session ends without the event: the room just closes.",
    ),
    Fault(
        "hang_worker",
        "session",
        "Worker hangs",
        "The avatar process is paused (SIGSTOP): picture, voice and events stop, the room stays open.",
        (_after,),
    ),
    Fault(
        "socket_dropped",
        "session",
        "Websocket dropped",
        "LITE: closes the media websocket, with a close code or without a closing handshake (1006).",
        (Choice("code", "Close code", ("1006", "1000", "1001", "1011", "1012")), _after),
        passing=True,
    ),
    Fault(
        "avatar_leaves",
        "session",
        "Avatar leaves",
        "The participant `heygen` leaves the room. The session continues.",
        (_after,),
        passing=True,
    ),
    Fault(
        "agent_leaves",
        "session",
        "Agent leaves",
        "The participant `liveavatar-agent-…` leaves the room: commands have no effect and events stop. The session "
        "continues.",
        (_after,),
        passing=True,
    ),
    Fault(
        "room_closed",
        "session",
        "Room closed",
        "The room is deleted. The session ends with SERVER_ERROR.",
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
        "The session ends with NO_CREDITS, as if the credits did not cover the next minute.",
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
    """Return the fault with that name. Raises BadFault."""
    fault = BY_NAME.get(name) if isinstance(name, str) else None
    if fault is None:
        raise BadFault(f"fault must be one of {', '.join(BY_NAME)}")
    return fault
