"""The two ways to prove who is calling, as objects that never show the secret they hold.

A secret enters a request only inside httpx's auth step. So no frame of ours has it in a local variable, and no
`repr` in a log, traceback or debugger prints it.
"""

from collections.abc import Generator

import httpx


class Credential(httpx.Auth):
    """A secret for an HTTP header. Raises ValueError, which does not quote the secret, when no header can carry it."""

    header: str
    scheme = ""

    def __init__(self, secret: str) -> None:
        if not fits_header(secret):
            raise ValueError(
                f"this is not a usable secret for the {self.header} header: "
                "it is empty or holds a space, a line break or a character outside ASCII"
            )
        self._secret = secret

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers[self.header] = self.scheme + self._secret
        yield request

    def redact(self, text: str) -> str:
        """Return `text` without this secret: the vendor's words may quote it back."""
        return text.replace(self._secret, "[secret]")

    def __repr__(self) -> str:
        return f"{type(self).__name__}([secret])"


class ApiKey(Credential):
    """The account's key. It may do everything, so it never leaves the server."""

    header = "X-API-KEY"


class Bearer(Credential):
    """A session token. It starts, keeps alive and stops one session."""

    header = "Authorization"
    scheme = "Bearer "


def fits_header(secret: str) -> bool:
    """Tell whether httpx can send `secret`. httpx's exception would quote one that it cannot."""
    return bool(secret) and all("!" <= character <= "~" for character in secret)
