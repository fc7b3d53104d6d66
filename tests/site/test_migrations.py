"""A database of an earlier version: it migrates without loss, and its conversations are still shown."""

import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from rigs.processes import ROOT, Site, site_environment, site_process

DUMP = ROOT / "tests" / "cases" / "databases" / "0003_agents_and_staff.sql"
STAFF = {"sessionid": "staffcookieofthedatabasefixture0"}
VISITOR = {"sessionid": "visitorcookieofdatabasefixture00"}
ADMIN = "/admin/sessions_app/avatarsession/"
NO_SERVICE = "http://127.0.0.1:9"  # the pages of conversations that are over ask it for nothing
RENAMED = {("sessions_app_agentlease", "brief"): "config"}  # columns, since the dump was made

Rows = dict[str, Counter[tuple[object, ...]]]


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The earlier version's database after `manage.py migrate`."""
    folder = tmp_path_factory.mktemp("migrated")
    with closing(sqlite3.connect(folder / "db.sqlite3")) as database:
        database.executescript(DUMP.read_text(encoding="utf-8"))
    environment = site_environment(folder, NO_SERVICE)
    subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], cwd=ROOT, env=environment, check=True)
    return folder / "db.sqlite3"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[Site]:
    """A site with a copy of it: its reaper ends the sessions that were open."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(migrated, folder)
    with site_process(site_environment(folder, NO_SERVICE)) as site:
        yield site


def get(site: Site, path: str, cookies: dict[str, str]) -> str:
    response = httpx.get(f"{site.url}{path}", cookies=cookies, timeout=30)
    assert response.status_code == 200, response
    return response.text


def columns_of(database: sqlite3.Connection) -> dict[str, list[str]]:
    tables = database.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    return {
        table: [column for _, column, *_ in database.execute(f'PRAGMA table_info("{table}")')]
        for (table,) in tables.fetchall()
    }


def rows_of(database: sqlite3.Connection, columns: dict[str, list[str]]) -> Rows:
    return {
        table: Counter(database.execute(f'SELECT {", ".join(map(_quoted, names))} FROM "{table}"'))
        for table, names in columns.items()
    }


def _now(table: str, column: str) -> str:
    return RENAMED.get((table, column), column)


def _quoted(name: str) -> str:
    return f'"{name}"'


def test_every_row_of_every_table_is_kept(migrated: Path) -> None:
    with closing(sqlite3.connect(":memory:")) as old:
        old.executescript(DUMP.read_text(encoding="utf-8"))
        columns = columns_of(old)
        before = rows_of(old, columns)
    with closing(sqlite3.connect(migrated)) as database:
        after = rows_of(
            database, {table: [_now(table, name) for name in columns[table]] for table in columns}
        )

    assert all(before.values())  # every table has rows that could get lost
    assert {table: rows - after[table] for table, rows in before.items() if rows - after[table]} == {}
    # Django itself adds permissions and content types for new models; conversations are not added to.
    ours = [table for table in before if table.startswith("sessions_app_")]
    assert {table: after[table] for table in ours} == {table: before[table] for table in ours}


def test_staff_who_were_signed_in_still_are_and_see_every_session(site: Site) -> None:
    page = get(site, ADMIN, STAFF)

    assert [number for number in range(1, 9) if f">5e55100{number}<" not in page] == []


def test_a_transcript_shows_what_was_said_and_the_events(site: Site) -> None:
    page = get(site, f"{ADMIN}1/transcript/", STAFF)

    assert "Grüß Gott! How can I help?" in page
    assert "When do you open?" in page
    assert "We open at nine" in page
    assert "Thanks &lt;b&gt;a lot&lt;/b&gt; \U0001f642" in page
    assert "events.gap" in page
    assert "page.closed" in page


def test_the_transcript_of_a_conversation_with_two_agents_is_whole(site: Site) -> None:
    page = get(site, f"{ADMIN}2/transcript/", STAFF)

    assert all(said in page for said in ("Hello.", "Are you there?", "Yes, I am", "agent.replaced"))


def test_the_visitor_finds_the_conversation_again(site: Site) -> None:
    page = get(site, "/sessions/5e551001-0000-4000-8000-000000000001/", VISITOR)

    assert "When do you open?" in page
    assert "You ended the conversation." in page


def test_another_visitors_conversation_stays_hidden(site: Site) -> None:
    answer = httpx.get(
        f"{site.url}/sessions/5e551003-0000-4000-8000-000000000003/", cookies=VISITOR, timeout=30
    )

    assert answer.status_code == 404
