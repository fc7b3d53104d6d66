"""A site that is shut down with a conversation open."""

from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser

from rigs.browser.visitor import session_row, visiting
from rigs.processes import Simulator, running_site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_shutdown_leaves_no_session_that_somebody_pays_for(
    browser: Browser, simulator: Simulator, tmp_path: Path
) -> None:
    with running_site(tmp_path, simulator.api_url) as site:
        async with visiting(browser, site.url) as visitor:
            await visitor.start()

            visitor.may_complain = True
            site.process.terminate()
            site.process.wait(15)

    row = session_row(site, visitor.session_key())
    async with httpx.AsyncClient(base_url=simulator.api_url, headers={"X-API-KEY": "any"}) as service:
        remote = (await service.get(f"/v1/sessions/{row['remote_id']}")).json()["data"]
    assert (row["state"], row["end_reason"]) == ("ended", "SITE_STOPPED")
    assert row["released_at"] is not None
    assert remote["end_at"] is not None
