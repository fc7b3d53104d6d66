"""The error answers of the API: HTTP status, business code and message, in one table."""

from dataclasses import dataclass
from http import HTTPStatus

# Codes 4000, 4003, 4032 and 4033 were observed at the real service. The others are not published; they follow the
# same pattern.
INVALID = 4000
NO_SUCH_KEY = 4001
BAD_STATE = 4002
NOT_AUTHENTICATED = 4003
NOT_FOUND = 4004
WRONG_METHOD = 4005
TOO_MANY_REQUESTS = 4029
TOO_MANY_SESSIONS = 4032
NO_CREDITS = 4033
FAILED = 5000
NOT_SIMULATED = 5001
CLOSING = 5003


# Beginnings of validation messages and pydantic's name for each. The real service validates with pydantic.
PROBLEM_TYPES = {
    "Field required": "missing",
    "Input should be a valid UUID": "uuid_parsing",
    "Input should be a valid string": "string_type",
    "Input should be a valid boolean": "bool_parsing",
    "Input should be a valid integer": "int_parsing",
    "Input should be a valid number": "float_parsing",
    "Input should be a valid dictionary": "dict_type",
    "Input should be a valid list": "list_type",
    "Input should be greater than or equal": "greater_than_equal",
    "Input should be greater than": "greater_than",
    "Input should be less than or equal": "less_than_equal",
    "Input should be '": "enum",
    "String should have at least": "string_too_short",
    "String should have at most": "string_too_long",
    "Dictionary should have at most": "too_long",
    "Unable to extract tag": "union_tag_not_found",
    "Input tag '": "union_tag_invalid",
    "JSON decode error": "json_invalid",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One validation error: its location, such as ("body", "links", 0, "faq"), and a message."""

    where: tuple[str | int, ...]
    message: str

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.where))}: {self.message}"

    @property
    def type(self) -> str:
        """Pydantic's name of the error, from the beginning of its message."""
        return next(
            (name for start, name in PROBLEM_TYPES.items() if self.message.startswith(start)), "value_error"
        )


class Refusal(Exception):
    """An error answer. `problems` holds the single errors of a request that does not validate."""

    def __init__(
        self, status: HTTPStatus, code: int, message: str, problems: tuple[Problem, ...] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.problems = problems


def invalid(*problems: Problem) -> Refusal:
    """The request does not validate. The message begins as the real service's does."""
    message = "Request validation errors. " + "; ".join(map(str, problems))
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
    """The request is valid, but the current state of the account or session does not allow it."""
    return Refusal(HTTPStatus.BAD_REQUEST, BAD_STATE, message)


def too_many_sessions(limit: int) -> Refusal:
    return Refusal(
        HTTPStatus.FORBIDDEN,
        TOO_MANY_SESSIONS,
        f"Session concurrency limit reached ({limit}). Stop another first.",
    )


def no_credits() -> Refusal:
    return Refusal(
        HTTPStatus.FORBIDDEN,
        NO_CREDITS,
        "Not enough credits for this session. SIMULATOR_CREDITS gives the simulated account new ones.",
    )


def too_many_requests(limit: int) -> Refusal:
    return Refusal(
        HTTPStatus.TOO_MANY_REQUESTS,
        TOO_MANY_REQUESTS,
        f"Rate limit exceeded: {limit} requests a second. Try again after the time in Retry-After.",
    )


def start_failed(why: str) -> Refusal:
    """The start fails with 500, like the real service's. `why` ends the sentence."""
    return failed(f"The session could not be started: {why}")


def failed(message: str) -> Refusal:
    return Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, FAILED, message)


def not_simulated(what: str) -> Refusal:
    """`what` begins the sentence and is a plural: "Agora channels"."""
    return Refusal(HTTPStatus.NOT_IMPLEMENTED, NOT_SIMULATED, f"{what} are not simulated")


def closing() -> Refusal:
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, CLOSING, "The simulator is shutting down")
