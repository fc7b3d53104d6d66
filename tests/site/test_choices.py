"""The choices of the lobby, as the vendor lists them."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.test import AsyncClient

from rigs.vendor import AVATAR, Vendor
from sessions_app.lifecycle.presence import Presence
from sessions_app.models import AvatarSession

pytestmark = pytest.mark.django_db(transaction=True)


def answer(*results: dict[str, Any]) -> Any:
    """Return an answer of the vendor that lists `results`."""
    page = {"count": len(results), "next": None, "previous": None, "results": list(results)}

    async def answered(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"code": 1000, "data": page, "message": "success"})

    return answered


def avatar(name: str, **fields: Any) -> dict[str, Any]:
    return {**AVATAR, "id": str(uuid4()), "name": name, **fields}


async def offered(visitor: AsyncClient) -> list[str]:
    """Return the names of the avatars that the lobby offers."""
    page = await visitor.get("/")
    return [card["name"] for card in page.context["form"].avatar_cards]


@pytest.mark.parametrize(
    "fields", [{"status": "IN_PROGRESS"}, {"status": "FAILED"}, {"is_expired": True}], ids=str
)
async def test_an_avatar_that_cannot_be_used_is_not_offered_and_cannot_be_chosen(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence, fields: dict[str, Any]
) -> None:
    unusable = avatar("Eve", **fields)
    vendor.answers["/v1/avatars"] = answer(unusable)

    assert await offered(visitor) == ["Ava"]
    assert (await visitor.post("/sessions/", {**choice, "avatar_id": unusable["id"]})).status_code == 422
    assert not await AvatarSession.objects.aexists()


async def test_own_avatars_come_before_public_ones_and_each_avatar_once(
    visitor: AsyncClient, vendor: Vendor
) -> None:
    vendor.answers["/v1/avatars"] = answer(avatar("Mine"), AVATAR)

    assert await offered(visitor) == ["Mine", "Ava"]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/avatars", "avatar_id"),
        ("/v1/avatars/public", "avatar_id"),
        ("/v1/voices", "voice_id"),
        ("/v1/contexts", "context_id"),
    ],
)
async def test_at_most_a_hundred_of_each_list_are_offered(
    visitor: AsyncClient, vendor: Vendor, path: str, field: str
) -> None:
    others = answer()
    vendor.answers = dict.fromkeys(
        ("/v1/avatars", "/v1/avatars/public", "/v1/voices", "/v1/contexts"), others
    )
    vendor.answers["/v1/avatars"] = answer(AVATAR) if path != "/v1/avatars/public" else others
    vendor.answers[path] = answer(*(avatar(f"number {n}") for n in range(120)))

    form = (await visitor.get("/")).context["form"]

    assert len([value for value, _ in form.fields[field].choices if value]) == 100


async def test_the_lists_are_loaded_once_for_many_visits(visitor: AsyncClient, vendor: Vendor) -> None:
    await visitor.get("/")
    await visitor.get("/visit/")

    assert [path for path, _ in vendor.calls].count("/v1/avatars/public") == 1


async def test_an_incomplete_choice_is_loaded_again(visitor: AsyncClient, vendor: Vendor) -> None:
    vendor.refuse("/v1/voices", 500, 500, "out of order")
    without = (await visitor.get("/")).context["form"]
    del vendor.answers["/v1/voices"]

    again = (await visitor.get("/")).context["form"]

    assert [name for _, name in without.fields["voice_id"].choices] == ["The avatar's own"]
    assert [name for _, name in again.fields["voice_id"].choices] == ["The avatar's own", "Clara"]


async def test_english_is_offered_when_the_languages_cannot_be_listed(
    visitor: AsyncClient, vendor: Vendor
) -> None:
    vendor.refuse("/v1/languages", 500, 500, "out of order")

    form = (await visitor.get("/")).context["form"]

    assert form.fields["language"].choices == [("en", "English")]
