"""The two ways to prove who is calling, as objects that never show what they hold.

A secret enters a request only inside httpx's auth step, so no frame of ours has it in a local variable and no
`repr` in a log, traceback or debugger can print it.
"""

from collections.abc import Generator

import httpx


class Credential(httpx.Auth):
    """A secret that fits into an HTTP header; ValueError (which does not quote it) if it cannot."""

    header: str
    scheme = ""

    def __init__(self, secret: str) -> None:
        if not fits_a_header(secret):
            raise ValueError(
                f"this is not a usable secret for the {self.header} header: "
                "it is empty or holds a space, a line break or a character outside ASCII"
            )
        self._secret = secret

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers[self.header] = self.scheme + self._secret
        yield request

    def strike_out(self, text: str) -> str:
        """`text` without this secret, for words of the service that may quote it back."""
        return text.replace(self._secret, "[secret]")

    def __repr__(self) -> str:
        return f"{type(self).__name__}([secret])"


class ApiKey(Credential):
    """The account's key. It may do everything, so it never leaves the server side."""

    header = "X-API-KEY"


class Bearer(Credential):
    """A session token: good for one session's start, keep-alive and stop."""

    header = "Authorization"
    scheme = "Bearer "


def fits_a_header(secret: str) -> bool:
    """Whether httpx can send it. A value that cannot be sent would be quoted in httpx's exception."""
    return bool(secret) and all("!" <= character <= "~" for character in secret)
