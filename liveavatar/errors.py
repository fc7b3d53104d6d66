"""What can go wrong between us and LiveAvatar.

    LiveAvatarError
    ├── Unreachable             no whole answer came back
    ├── TimedOut                the deadline of the call passed first
    ├── Rejected                an answer that says no
    │   ├── AuthRejected        401, or code 4003: key or token not accepted
    │   ├── ValidationRejected  400, 422, or code 4000: the request is wrong
    │   ├── NoCredits           code 4033
    │   ├── ConcurrencyReached  code 4032
    │   ├── NotFound            404
    │   ├── RateLimited         429
    │   └── ServerFault         5xx
    └── Garbled                 an answer that makes no sense

The text and the attributes of all of them are safe to log and to show to staff: they never hold a key, a
token, a header or a request body. They are not written for visitors.
"""

from typing import ClassVar


class LiveAvatarError(Exception):
    """Any failure of a call to LiveAvatar; `call` names it, such as "POST /v1/sessions/token"."""

    def __init__(self, call: str, what: str) -> None:
        super().__init__(f"{call}: {what}")
        self.call = call


class Unreachable(LiveAvatarError):
    """The connection could not be made, or (`broke`) broke before a whole answer arrived."""

    def __init__(self, call: str, what: str, *, broke: bool = False) -> None:
        super().__init__(call, what)
        self.broke = broke


class TimedOut(LiveAvatarError):
    """The call, with its wait for a free slot and its retry, did not finish by its deadline."""

    def __init__(self, call: str, deadline: float) -> None:
        super().__init__(call, f"no answer within {deadline:g} s")
        self.deadline = deadline


class Garbled(LiveAvatarError):
    """The answer is a redirect, too large, compressed, not JSON, or lacks what was asked for."""


class Rejected(LiveAvatarError):
    """LiveAvatar understood the call and refused it.

    `status` is the HTTP status, `code` the code inside the body (None when it holds none), `messages` the
    service's own words, shortened and with every secret of the call struck out (often one, possibly none).
    """

    meaning: ClassVar[str] = "refused"

    def __init__(
        self, call: str, status: int, code: int | None = None, messages: tuple[str, ...] = ()
    ) -> None:
        numbers = f"HTTP {status}" if code is None else f"HTTP {status}, code {code}"
        words = f"; LiveAvatar says: {' | '.join(messages)}" if messages else ""
        super().__init__(call, f"{self.meaning} ({numbers}){words}")
        self.status = status
        self.code = code
        self.messages = messages

    @property
    def message(self) -> str:
        """The service's own words on one line; empty when it gave none."""
        return " | ".join(self.messages)


class AuthRejected(Rejected):
    """The API key, or the session token, was not accepted."""

    meaning = "the API key or session token was not accepted, check the key"


class ValidationRejected(Rejected):
    """The request names something that does not exist or breaks a rule; repeating it cannot help."""

    meaning = "the request is not valid"


class NoCredits(Rejected):
    """The account has no credits left for a session."""

    meaning = "no credits are left, top up the account"


class ConcurrencyReached(Rejected):
    """The account already runs as many sessions as its plan allows."""

    meaning = "too many sessions are running, stop one first"


class NotFound(Rejected):
    """No such session, avatar, voice or context, or it belongs to somebody else."""

    meaning = "not found"


class RateLimited(Rejected):
    """Too many calls in the current second; `retry_after` is in seconds, None when not told."""

    meaning = "too many calls"

    def __init__(
        self,
        call: str,
        status: int,
        code: int | None = None,
        messages: tuple[str, ...] = (),
        *,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(call, status, code, messages)
        self.retry_after = retry_after


class ServerFault(Rejected):
    """LiveAvatar failed on its own side; it may or may not have done what was asked."""

    meaning = "LiveAvatar failed on its side, try again later"
