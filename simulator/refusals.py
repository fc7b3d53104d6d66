"""What the API says no to: HTTP status, business code and a sentence for the caller, in one table."""

from http import HTTPStatus

# Codes 4000, 4003, 4032 and 4033 were seen at the real service; the others follow their pattern, since
# nobody has published them.
INVALID = 4000
NO_SUCH_KEY = 4001
BAD_STATE = 4002
NOT_AUTHENTICATED = 4003
NOT_FOUND = 4004
WRONG_METHOD = 4005
TOO_MANY_SESSIONS = 4032
NO_CREDITS = 4033
FAILED = 5000
NOT_SIMULATED = 5001
CLOSING = 5003


class Refusal(Exception):
    """An answer other than success. `problems` are the single faults of a request that did not validate."""

    def __init__(self, status: HTTPStatus, code: int, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.problems = problems


def invalid(*problems: str) -> Refusal:
    """The request does not validate; the wording of the lead-in is the real service's."""
    message = "Request validation errors. " + "; ".join(problems)
    return Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, INVALID, message, problems)


def wrong_api_key() -> Refusal:
    return Refusal(
        HTTPStatus.UNAUTHORIZED, NO_SUCH_KEY, "Invalid API key. Send a valid one in the X-API-KEY header."
    )


def not_authenticated() -> Refusal:
    return Refusal(HTTPStatus.FORBIDDEN, NOT_AUTHENTICATED, "Not authenticated")


def not_found(what: str) -> Refusal:
    """`what` begins the sentence: "Session", "Avatar with id '…'"."""
    return Refusal(HTTPStatus.NOT_FOUND, NOT_FOUND, f"{what} not found")


def bad_state(message: str) -> Refusal:
    """The request is well formed, but does not fit what is there."""
    return Refusal(HTTPStatus.BAD_REQUEST, BAD_STATE, message)


def too_many_sessions(limit: int) -> Refusal:
    return Refusal(
        HTTPStatus.FORBIDDEN,
        TOO_MANY_SESSIONS,
        f"Session concurrency limit reached ({limit}). Stop another first.",
    )


def no_credits() -> Refusal:
    return Refusal(HTTPStatus.FORBIDDEN, NO_CREDITS, "Not enough credits for this session")


def start_failed(why: str) -> Refusal:
    return Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, FAILED, f"The session could not be started: {why}")


def not_simulated(what: str) -> Refusal:
    return Refusal(HTTPStatus.NOT_IMPLEMENTED, NOT_SIMULATED, f"{what} are not simulated yet")


def closing() -> Refusal:
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, CLOSING, "The simulator is shutting down")
