"""The metadata of a job, which the site writes when it dispatches an agent (docs/protocol.md)."""

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class InvalidJobMetadata(ValueError):
    """The site did not make this dispatch, or another version of it did."""


class JobMetadata(BaseModel):
    """`session` is the public key of the session; `key` proves to the site that it dispatched this `attempt`.

    `hosted`: the conversation is in a room of the service, and the agent only waits in the job's room.
    """

    model_config = ConfigDict(frozen=True)

    site_url: str = Field(pattern="^https?://")
    session: str
    attempt: int
    key: str = Field(repr=False)
    hosted: bool

    @classmethod
    def parse(cls, metadata: str) -> "JobMetadata":
        """Read the metadata of a dispatch. Raises InvalidJobMetadata, which names the wrong members only."""
        try:
            return cls.model_validate_json(metadata)
        except ValidationError as error:
            faults = {".".join(map(str, fault["loc"])) or "JSON" for fault in error.errors()}
            raise InvalidJobMetadata(
                f"the site did not make this dispatch: wrong or missing {', '.join(sorted(faults))}"
            ) from None

    @property
    def socket_url(self) -> str:
        """The site's websocket for the agent of this session."""
        return f"ws{self.site_url.rstrip('/').removeprefix('http')}/ws/agents/{self.session}/"
