"""The rate limit on starts, by the request's address."""

from typing import Any

import pytest
from django.test import RequestFactory

from sessions_app.admission.rate_limit import may_start


async def starts(address: str, count: int) -> list[bool]:
    """Ask for `count` starts from one address and return which of them are allowed."""
    request = RequestFactory().post("/sessions/", REMOTE_ADDR=address)
    return [await may_start(request) for _ in range(count)]


async def test_an_address_may_start_as_often_as_the_setting_says(settings: Any) -> None:
    settings.STARTS_PER_MINUTE = 2

    assert await starts("192.0.2.1", 4) == [True, True, False, False]


async def test_each_address_is_counted_separately(settings: Any) -> None:
    settings.STARTS_PER_MINUTE = 1

    assert await starts("192.0.2.1", 2) == [True, False]
    assert await starts("192.0.2.2", 2) == [True, False]


async def test_an_address_may_start_again_after_the_window(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STARTS_PER_MINUTE = 1
    monkeypatch.setattr("sessions_app.admission.rate_limit.WINDOW", 0)  # over at once

    assert await starts("192.0.2.1", 3) == [True, True, True]
