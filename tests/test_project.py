"""Promises of the project as a whole."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import AsyncClient
from django.urls import get_resolver, reverse

from agent.settings import Settings
from liveavatar_site.environment import Environment
from rigs.vendor import Vendor
from sessions_app.lifecycle.presence import Presence

ROOT = Path(__file__).parent.parent
UNSET = ("DEBUG", "SECRET_KEY", "HTTPS", "ALLOWED_HOSTS", "DJANGO_SETTINGS_MODULE")


def manage(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `manage.py` as an operator does, with only the given settings."""
    bare = {"PATH": "/usr/bin:/bin", "VAR_DIR": str(tmp_path), "ENV_FILE": os.devnull, **environment}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=bare,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.django_db
def test_all_models_have_their_migrations() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_a_deployment_with_the_required_settings_has_no_warnings(tmp_path: Path) -> None:
    secret = "a-long-random-string-0123456789-abcdefghijklmnopqrstuvwxyz"
    done = manage(
        tmp_path,
        "check",
        "--deploy",
        "--fail-level",
        "WARNING",
        SECRET_KEY=secret,
        ALLOWED_HOSTS="example.org",
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("environment", "error"),
    [
        ({}, "SECRET_KEY must be set"),
        ({"DEBUG": "maybe"}, "DEBUG: Input should be a valid boolean"),
        ({"DEBUG": "1", "PAGE_GRACE": "soon"}, "PAGE_GRACE: Input should be a valid integer"),
        ({"DEBUG": "1", "DATABASE_URL": "mysql://x"}, "DATABASE_URL: Value error, it must begin with"),
        (
            {"DEBUG": "1", "LIVEAVATAR_API_URL": "ftp://x"},
            "LIVEAVATAR_API_URL: Value error, it must be an http",
        ),
    ],
)
def test_an_invalid_setting_stops_the_start_and_is_named(
    tmp_path: Path, environment: dict[str, str], error: str
) -> None:
    done = manage(tmp_path, "check", **environment)

    assert done.returncode != 0
    assert error in done.stderr


def test_the_example_file_names_exactly_the_settings_that_are_read() -> None:
    def found(pattern: str, *path: str) -> set[str]:
        return set(re.findall(pattern, ROOT.joinpath(*path).read_text(encoding="utf-8"), re.MULTILINE))

    read = {*Environment.model_fields}
    read |= {f"SIMULATOR_{name}" for name in found(r'read\(\s*"([A-Z_]+)"', "simulator", "settings.py")}
    suffixes = found(r'f"\{service\}_([A-Z_]+)"', "voice", "settings.py")
    services = found(r'_endpoint\(environ, "([A-Z]+)"', "voice", "settings.py")
    read |= {f"{service}_{suffix}" for service in services for suffix in suffixes} | {"TTS_VOICE"}
    read |= {str(setting.alias) for setting in Settings.model_fields.values()}
    plugins = found(r'"(AGENT_[A-Z]+)"', "agent", "pipeline", "build.py")
    read |= plugins | {f"{name}_OPTIONS" for name in plugins - {"AGENT_SESSION"}}
    named = found(r"^#?([A-Z_]+)=", ".env.example")

    assert len(read) > 20
    assert named == read


@pytest.mark.django_db(transaction=True)
async def test_every_named_url_answers(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence
) -> None:
    created = await visitor.post("/sessions/", choice)
    key = created.headers["Location"].split("/")[2]
    names = [
        str(name) for name in get_resolver("sessions_app.pages.urls").reverse_dict if isinstance(name, str)
    ]
    assert "lobby" in names

    for name in names:
        needs_key = name in {"session", "start", "stop", "ticket", "beacon"}
        path = reverse(f"sessions:{name}", kwargs={"key": key} if needs_key else {})
        response = await visitor.get(path)
        assert response.status_code in {200, 405}, path
        if response.status_code == 405:
            assert response.headers["Allow"] == "POST"
        else:
            assert len(re.findall(r"<h1\b", response.content.decode())) == 1, path


@pytest.mark.django_db(transaction=True)
async def test_pages_forbid_foreign_scripts_and_frames(visitor: AsyncClient, vendor: Vendor) -> None:
    policy = (await visitor.get("/")).headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_an_invalid_settings_file_stops_the_start_and_its_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("DEBUG=1\n# a comment\nthis is no setting\n")

    done = manage(tmp_path, "check", ENV_FILE=str(tmp_path / "env"))

    assert done.returncode != 0
    assert "env, line 3: this is not NAME=value" in done.stderr


def test_the_environment_wins_over_the_settings_file(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("DEBUG=0\nPAGE_GRACE=7\nTIME_ZONE='Europe/Berlin'\n")

    shown = manage(
        tmp_path,
        "diffsettings",
        "--all",
        ENV_FILE=str(tmp_path / "env"),
        DEBUG="1",
        LIVEAVATAR_API_KEY="canary",
    ).stdout

    assert "DEBUG = True" in shown
    assert "PAGE_GRACE = 7" in shown
    assert "TIME_ZONE = 'Europe/Berlin'" in shown


def test_a_debug_page_does_not_show_the_environment(settings: Any) -> None:
    assert not [name for name in dir(settings) if isinstance(getattr(settings, name, None), Environment)]
