"""The lobby's forms: their first choices, what a link carries, and what they refuse."""

import re
from typing import Any

import pytest
from django.test import AsyncClient

from liveavatar import Avatar, ContextName, Language
from rigs.site_requests import create, start
from rigs.vendor import AVATAR, CONTEXT, VOICE, Vendor
from sessions_app.lifecycle.presence import Presence
from sessions_app.pages.choices import Choices
from sessions_app.pages.forms import first_choices

pytestmark = pytest.mark.django_db(transaction=True)


def choices(
    *codes: str, avatars: tuple[str, ...] = ("a", "b"), contexts: tuple[str, ...] = ("c", "d")
) -> Choices:
    return Choices(
        tuple(Avatar.model_construct(avatar_id=name, name=name, status="ACTIVE") for name in avatars),
        (),
        tuple(ContextName.model_construct(context_id=name, name=name) for name in contexts),
        tuple(Language(code=code, name=code) for code in codes),
    )


def test_a_fresh_lobby_shows_the_first_avatar_and_context_and_english() -> None:
    assert first_choices(choices("fr", "en")) == {
        "avatar_id": "a",
        "context_id": "c",
        "language": "en",
        "quality": "high",
        "interactivity": "CONVERSATIONAL",
        "answerer": "service",
        "start_mode": "click",
    }


@pytest.mark.parametrize(("codes", "language"), [(("fr", "de"), "fr"), ((), "en")])
def test_a_fresh_lobby_shows_another_language_where_there_is_no_english(
    codes: tuple[str, ...], language: str
) -> None:
    assert first_choices(choices(*codes))["language"] == language


def test_a_fresh_lobby_shows_the_defaults_where_nothing_can_be_chosen() -> None:
    shown = first_choices(choices("en", avatars=(), contexts=()))

    assert (shown["avatar_id"], shown["context_id"]) == ("", "")


async def test_the_lobby_offers_what_the_vendor_lists(visitor: AsyncClient, vendor: Vendor) -> None:
    form = (await visitor.get("/")).context["form"]

    options = {name: list(form.fields[name].choices) for name in ("voice_id", "context_id", "language")}
    assert options == {
        "voice_id": [("", "The avatar's own"), (VOICE["id"], "Clara")],
        "context_id": [
            (CONTEXT["id"], "Guide"),
            ("", "No context (the avatar only repeats text)"),
        ],
        "language": [("en", "English"), ("fr", "French")],
    }
    assert form.avatar_cards == [{"id": AVATAR["id"], "name": "Ava", "preview_url": None, "checked": True}]


async def test_a_link_to_the_lobby_carries_choices(visitor: AsyncClient, vendor: Vendor) -> None:
    form = (await visitor.get("/", {"language": "fr", "quality": "low", "avatar_id": "gone"})).context["form"]

    assert (form["language"].value(), form["quality"].value()) == ("fr", "low")
    assert [card["checked"] for card in form.avatar_cards] == [False]
    assert form["context_id"].value() == CONTEXT["id"]


async def test_the_lobby_links_to_a_start_on_visit_with_its_choices(
    visitor: AsyncClient, vendor: Vendor
) -> None:
    lobby = await visitor.get("/", {"language": "fr"})
    visit = await visitor.get(lobby.context["visit_url"])

    assert visit.context["form"]["language"].value() == "fr"
    assert visit.context["form"]["start_mode"].value() == "visit"


async def test_a_start_on_visit_cannot_be_another_kind_of_start(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    session = await create(visitor, {**choice, "start_mode": "visit"})

    assert session.start_mode == "visit"
    assert (
        await visitor.post("/sessions/", {**choice, "request_id": "x", "start_mode": ""})
    ).status_code == 422


async def test_empty_choices_leave_voice_and_context_to_the_vendor(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    session = await create(visitor, {**choice, "voice_id": "", "context_id": "", "language": "fr"})
    await start(visitor, session)

    asked = vendor.bodies("/v1/sessions/token")[0]
    assert asked["avatar_persona"] == {"language": "fr"}


@pytest.mark.parametrize("sandbox", [False, True])
async def test_all_choices_reach_the_vendor(
    visitor: AsyncClient,
    choice: dict[str, Any],
    vendor: Vendor,
    presence: Presence,
    settings: Any,
    sandbox: bool,
) -> None:
    settings.LIVEAVATAR_SANDBOX, settings.LIVEAVATAR_MAX_DURATION = sandbox, 300
    session = await create(visitor, {**choice, "quality": "medium", "interactivity": "PUSH_TO_TALK"})
    await start(visitor, session)

    asked = vendor.bodies("/v1/sessions/token")[0]
    assert asked["video_settings"]["quality"] == "medium"
    assert (asked["interactivity_type"], asked["max_session_duration"]) == ("PUSH_TO_TALK", 300)
    assert asked["is_sandbox"] is sandbox


async def test_a_form_without_a_valid_request_id_makes_a_session_of_its_own(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    first = await create(visitor, {**choice, "request_id": "damaged"})
    second = await create(visitor, {**choice, "request_id": "damaged"})

    assert first.pk != second.pk


async def test_a_refused_form_keeps_the_choices_of_the_visitor(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    page = await visitor.post("/sessions/", {**choice, "language": "fr", "quality": "8k"})

    assert page.status_code == 422
    assert re.search(r'value="fr"\s+selected', page.content.decode())
