"""What staff may do with a running conversation."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import AsyncClient

from rigs.agent.leased_agents import Agents, conversing, rooms_left

pytestmark = pytest.mark.django_db(transaction=True)


async def reader() -> User:
    """Create a member of staff who may only read transcripts."""
    user = await User.objects.acreate_user("reader", password="a long password", is_staff=True)
    await user.user_permissions.aset(
        [permission async for permission in Permission.objects.filter(codename="view_transcript")]
    )
    return user


async def logged_in(user: User) -> AsyncClient:
    admin = AsyncClient()
    await admin.aforce_login(user)
    return admin


def page_of(crew: Agents) -> str:
    """Return the path of the session in the admin."""
    return f"/admin/sessions_app/avatarsession/{crew.session.pk}"


async def test_staff_with_the_permission_directs_a_running_agent(
    visitor: AsyncClient, crew: Agents, staff: User
) -> None:
    admin, path = await logged_in(staff), page_of(crew)

    async with conversing(visitor, crew) as (line, _):
        page = await admin.get(f"{path}/transcript/")
        await admin.post(f"{path}/direct/", {"command": "tone"})
        asked = await line.receive_json_from()
        await admin.post(f"{path}/direct/", {"command": "made up"})
        assert await line.receive_nothing()

    assert b"Play a test tone" in page.content
    assert asked == {"type": "do", "command": {"event_type": "avatar.test_tone"}}


async def test_staff_without_the_permission_directs_no_agent(visitor: AsyncClient, crew: Agents) -> None:
    admin, path = await logged_in(await reader()), page_of(crew)

    async with conversing(visitor, crew):
        page = await admin.get(f"{path}/transcript/")
        refused = await admin.post(f"{path}/direct/", {"command": "tone"})

    assert b"Play a test tone" not in page.content
    assert refused.status_code == 403


async def test_staff_ends_a_conversation_and_its_page_says_so(
    visitor: AsyncClient, crew: Agents, staff: User
) -> None:
    admin, path = await logged_in(staff), page_of(crew)

    async with conversing(visitor, crew) as (line, _):
        assert b"End the conversation" in (await admin.get(f"{path}/transcript/")).content
        await admin.post(f"{path}/end/")
        assert await line.receive_json_from() == {"type": "end", "reason": "STAFF"}
    again = await admin.post(f"{path}/end/", follow=True)

    assert b"already ended" in again.content
    assert b"A member of staff ended" in (await visitor.get(f"/sessions/{crew.session.key}/")).content
    await crew.session.arefresh_from_db()
    assert (crew.session.end_reason, crew.session.end_detail) == ("STAFF", "staff in the admin")
    assert await rooms_left(crew.rooms, crew.session) == []


async def test_staff_without_the_permission_ends_nothing(visitor: AsyncClient, crew: Agents) -> None:
    admin, path = await logged_in(await reader()), page_of(crew)

    async with conversing(visitor, crew):
        page = await admin.get(f"{path}/transcript/")
        refused = await admin.post(f"{path}/end/")

    assert b"End the conversation" not in page.content
    assert refused.status_code == 403
    await crew.session.arefresh_from_db()
    assert crew.session.is_open
