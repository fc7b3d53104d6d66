"""The addresses and room credentials of a running simulator."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Addresses:
    api_url: str
    livekit_url: str
    livekit_api_key: str
    livekit_api_secret: str = field(repr=False)
