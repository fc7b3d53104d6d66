"""What a job is about: the metadata of its dispatch, written by the site."""

import json
from dataclasses import dataclass, field


class BadAssignment(ValueError):
    """The dispatch is not one of the site's, or of another version of it."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """`session` is the site's key of the conversation, `key` proves to the site that this attempt was dispatched.

    `hosted` says that the conversation is in a room of the service: the job's own room is then only where it waits.
    """

    site_url: str
    session: str
    attempt: int
    key: str = field(repr=False)
    hosted: bool

    @classmethod
    def parse(cls, metadata: str) -> "Assignment":
        """Raises BadAssignment, whose text holds no secret."""
        try:
            given = json.loads(metadata)
            assignment = cls(
                site_url=str(given["site_url"]).rstrip("/"),
                session=str(given["session"]),
                attempt=int(given["attempt"]),
                key=str(given["key"]),
                hosted=bool(given["hosted"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise BadAssignment(f"the dispatch is not one of the site's ({type(error).__name__})") from None
        if not assignment.site_url.startswith(("http://", "https://")):
            raise BadAssignment("the dispatch names no site")
        return assignment

    @property
    def socket_url(self) -> str:
        """The site's websocket for the agent of this conversation."""
        return f"ws{self.site_url.removeprefix('http')}/ws/agents/{self.session}/"
