"""What an account has: avatars, voices, contexts, languages, credits (LiveAvatar OpenAPI document)."""

from typing import Annotated, Generic, TypeVar

from pydantic import Field, RootModel, ValidationInfo, field_validator

from liveavatar.answer_model import (
    Amount,
    AnswerModel,
    Code,
    Entries,
    Flag,
    Id,
    Name,
    ObjectOrNone,
    OrDefault,
    PreviewUrl,
    Text,
    TextOrEmpty,
    TextOrNone,
    TimeOrNone,
)

Item = TypeVar("Item", bound=AnswerModel)


class VoiceName(AnswerModel):
    """The voice an avatar speaks with when a session names none."""

    voice_id: Id = Field(validation_alias="id")
    name: Name = ""


class Avatar(AnswerModel):
    """A face. `type` is VIDEO or IMAGE (an image has no voice of its own), `status` is ACTIVE once usable."""

    avatar_id: Id = Field(validation_alias="id")
    name: Name = ""
    type: Annotated[Text, OrDefault("VIDEO")] = "VIDEO"
    status: TextOrEmpty = ""
    preview_url: PreviewUrl = None
    default_voice: ObjectOrNone[VoiceName] = None
    is_expired: Flag = False
    is_1080p: Flag = False
    error_message: TextOrNone = None

    @property
    def is_usable(self) -> bool:
        return self.status == "ACTIVE" and not self.is_expired


class Voice(AnswerModel):
    """A voice that a session may name instead of the avatar's own."""

    voice_id: Id = Field(validation_alias="id")
    name: Name = ""
    description: TextOrEmpty = ""
    language: TextOrNone = None
    gender: TextOrNone = None
    tags: Annotated[Entries[Text], OrDefault(())] = ()


class ContextName(AnswerModel):
    """A context as the list of contexts shows it."""

    context_id: Id = Field(validation_alias="id")
    name: Name = ""
    created_at: TimeOrNone = None
    updated_at: TimeOrNone = None


class Link(AnswerModel):
    """A page the avatar knows, and the questions it answers with its help."""

    url: TextOrEmpty = ""
    faq: TextOrEmpty = ""


class Context(AnswerModel):
    """What an avatar knows and how it behaves. The avatar says `opening_text` when the visitor comes in.

    `required_dynamic_variables` are the `${names}` in its texts; every session has to supply them.
    """

    context_id: Id = Field(validation_alias="id")
    name: Name = ""
    prompt: TextOrEmpty = ""
    opening_text: TextOrNone = None
    links: Annotated[Entries[Link], OrDefault(())] = ()
    required_dynamic_variables: Annotated[Entries[Text], OrDefault(())] = ()


class Language(AnswerModel):
    """A language to talk in. A session names its `code`, such as "en"; a language without a name is called by it."""

    code: Code
    name: Name = Field(default="", validation_alias="language", validate_default=True)

    @field_validator("name")
    @classmethod
    def _or_code(cls, name: str, info: ValidationInfo) -> str:
        return name or str(info.data.get("code", ""))


class LanguageList(RootModel[Entries[Language]]):
    """The answer to GET /v1/languages: one list without pages."""


class Credits(AnswerModel):
    """What is left on the account."""

    credits_left: Amount


class Page(AnswerModel, Generic[Item]):
    """A page of a list. `next` is the vendor's URL of the next one; null, or empty, on the last."""

    results: Entries[Item]
    next: TextOrNone = None
