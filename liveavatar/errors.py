"""The errors of a call to LiveAvatar.

    LiveAvatarError
    ├── Unreachable             no whole answer came back
    ├── TimedOut                the deadline of the call passed first
    ├── Rejected                LiveAvatar refused the call
    │   ├── AuthRejected        401, or code 4003: key or token not accepted
    │   ├── ValidationRejected  400, 422, or code 4000: the request is wrong
    │   ├── NoCredits           code 4033
    │   ├── ConcurrencyReached  code 4032
    │   ├── NotFound            404
    │   ├── RateLimited         429
    │   └── ServerFault         5xx
    └── Garbled                 an answer that cannot be used

Their texts and attributes are safe to log and to show to staff: they never hold a key, a token, a header or a
request body. They are not written for visitors.
"""

from typing import ClassVar


class LiveAvatarError(Exception):
    """Any failure of a call to LiveAvatar; `call` names it, such as "POST /v1/sessions/token"."""

    def __init__(self, call: str, what: str) -> None:
        super().__init__(f"{call}: {what}")
        self.call = call


class Unreachable(LiveAvatarError):
    """The connection could not be made, or, when `broke`, it broke before the whole answer arrived."""

    def __init__(self, call: str, what: str, *, broke: bool = False) -> None:
        super().__init__(call, what)
        self.broke = broke


class TimedOut(LiveAvatarError):
    """The call did not finish within its deadline in seconds, which covers the wait for a slot and the retry."""

    def __init__(self, call: str, deadline: float) -> None:
        super().__init__(call, f"no answer within {deadline:g} s")
        self.deadline = deadline


class Garbled(LiveAvatarError):
    """The answer is a redirect, too large, compressed, not JSON, or lacks a member that is needed."""


class Rejected(LiveAvatarError):
    """LiveAvatar refused the call.

    `status` is the HTTP status. `code` is the code inside the body, or None. `messages` are LiveAvatar's own words,
    shortened and without the secrets of the call: often one, possibly none.
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
        """LiveAvatar's own words on one line; empty when it gave none."""
        return " | ".join(self.messages)


class AuthRejected(Rejected):
    """LiveAvatar did not accept the API key or the session token."""

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
    """The session, avatar, voice or context does not exist, or belongs to another account."""

    meaning = "not found"


class RateLimited(Rejected):
    """Too many calls in the current second. `retry_after` is in seconds, or None when LiveAvatar named no wait."""

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
    """LiveAvatar failed on its own side. The call may or may not have taken effect."""

    meaning = "LiveAvatar failed on its side, try again later"
