"""What an account can choose from: avatars, voices, contexts, languages (LiveAvatar OpenAPI document)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from liveavatar.fields import Fields


@dataclass(frozen=True, slots=True)
class VoiceName:
    """The voice an avatar speaks with when a session names none."""

    voice_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Avatar:
    """A face. `type` is VIDEO or IMAGE (an image has no voice of its own), `status` is ACTIVE once usable."""

    avatar_id: str
    name: str
    type: str
    status: str
    preview_url: str | None
    default_voice: VoiceName | None
    is_expired: bool
    is_1080p: bool
    error_message: str | None

    @property
    def is_usable(self) -> bool:
        return self.status == "ACTIVE" and not self.is_expired

    @classmethod
    def read(cls, fields: Fields) -> Self:
        voice = fields.object_or_none("default_voice")
        return cls(
            avatar_id=fields.text("id"),
            name=fields.text_or_none("name") or "",
            type=fields.text_or_none("type") or "VIDEO",
            status=fields.text_or_none("status") or "",
            preview_url=fields.url_or_none("preview_url"),
            default_voice=VoiceName(voice.text("id"), voice.text_or_none("name") or "") if voice else None,
            is_expired=fields.flag("is_expired"),
            is_1080p=fields.flag("is_1080p"),
            error_message=fields.text_or_none("error_message"),
        )


@dataclass(frozen=True, slots=True)
class Voice:
    voice_id: str
    name: str
    description: str
    language: str | None
    gender: str | None
    tags: tuple[str, ...]

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(
            voice_id=fields.text("id"),
            name=fields.text_or_none("name") or "",
            description=fields.text_or_none("description") or "",
            language=fields.text_or_none("language"),
            gender=fields.text_or_none("gender"),
            tags=fields.texts("tags"),
        )


@dataclass(frozen=True, slots=True)
class ContextName:
    """A context as the list of them shows it."""

    context_id: str
    name: str
    created_at: datetime | None
    updated_at: datetime | None

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(
            context_id=fields.text("id"),
            name=fields.text_or_none("name") or "",
            created_at=fields.moment_or_none("created_at"),
            updated_at=fields.moment_or_none("updated_at"),
        )


@dataclass(frozen=True, slots=True)
class Link:
    """A page the avatar knows, and what it answers with its help."""

    url: str
    faq: str


@dataclass(frozen=True, slots=True)
class Context:
    """What an avatar knows and how it behaves. `opening_text` is said when the visitor comes in.

    `required_dynamic_variables` are the `${names}` in its texts, which every session has to supply.
    """

    context_id: str
    name: str
    prompt: str
    opening_text: str | None
    links: tuple[Link, ...]
    required_dynamic_variables: tuple[str, ...]

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(
            context_id=fields.text("id"),
            name=fields.text_or_none("name") or "",
            prompt=fields.text_or_none("prompt") or "",
            opening_text=fields.text_or_none("opening_text"),
            links=tuple(
                Link(link.text_or_none("url") or "", link.text_or_none("faq") or "")
                for link in fields.objects_or_none("links")
            ),
            required_dynamic_variables=fields.texts("required_dynamic_variables"),
        )


@dataclass(frozen=True, slots=True)
class Language:
    """A language to talk in; `code` goes into a session, such as "en"."""

    code: str
    name: str

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(code=fields.text("code"), name=fields.text_or_none("language") or fields.text("code"))


def context_body(
    name: str, prompt: str, opening_text: str | None, links: Iterable[Link]
) -> dict[str, object]:
    """The JSON of POST /v1/contexts; `opening_text` is sent even when null, it is a required member."""
    return {
        "name": name,
        "prompt": prompt,
        "opening_text": opening_text,
        "links": [{"url": link.url, "faq": link.faq} for link in links],
    }
