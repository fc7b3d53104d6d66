"""Two real processes of the site. What concerns rows, sockets and locks must hold between them as within one."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from rigs.databases.keeping import Databases, running_databases
from rigs.databases.servers import MISSING, are_installed
from rigs.processes import prepare_database, site_environment, site_process
from rigs.rooms.room_rig import API_KEY, API_SECRET, RoomRig
from rigs.two_sites import TwoSites, Visitor, visiting
from rigs.vendor import Vendor


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    if not are_installed():
        pytest.skip(f"!!! NOT RUN: {MISSING} !!!")
    with running_databases() as databases:
        yield databases


@pytest.fixture(scope="session")
def scripted_service() -> Vendor:
    return Vendor()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def rooms(scripted_service: Vendor) -> AsyncIterator[RoomRig]:
    """Our LiveKit, on one port with the scripted service."""
    rig = RoomRig()
    await rig.open(routes=scripted_service.add_routes)
    yield rig
    await rig.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def both(
    tmp_path_factory: pytest.TempPathFactory,
    databases: Databases,
    rooms: RoomRig,
    scripted_service: Vendor,
) -> AsyncIterator[TwoSites]:
    """Both processes, for all tests of this folder."""
    livekit = {"LIVEKIT_URL": rooms.url, "LIVEKIT_API_KEY": API_KEY, "LIVEKIT_API_SECRET": API_SECRET}
    environment = site_environment(
        tmp_path_factory.mktemp("sites"),
        rooms.http,
        **databases.settings,
        **livekit,
        PAGE_GRACE="6",
        AGENT_START_WITHIN="30",
        AGENT_HELLO_WITHIN="10",
    )
    prepare_database(environment)
    with site_process(environment) as first, site_process(environment) as second:
        yield TwoSites(first, second, databases.database_url, scripted_service)


@pytest.fixture
def sites(both: TwoSites) -> Iterator[TwoSites]:
    """Both processes, with a service that answers as usual and has been asked nothing yet."""
    both.vendor.calls.clear()
    both.vendor.answers.clear()
    yield both
    both.vendor.answers.clear()


@pytest_asyncio.fixture(loop_scope="session")
async def visitor() -> AsyncIterator[Visitor]:
    async with visiting() as visitor:
        yield visitor
