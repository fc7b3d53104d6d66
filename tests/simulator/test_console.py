"""The console: access to it, its page, its control API and its event stream."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from rigs.services.simulated_service import KEY, SimulatedService, simulated_service
from simulator.console.html import element

BROWSER = {"Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def service() -> AsyncIterator[SimulatedService]:
    async with simulated_service() as service:
        yield service


async def page(service: SimulatedService, **query: str) -> str:
    response = await service.http.get("/simulator/", params=query or None, headers=BROWSER)
    assert response.status_code == 200
    return response.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.example"},
        {"Host": "rebound.example:8700"},
        {"Host": "127.0.0.1.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
    ],
)
@pytest.mark.parametrize(
    "path", ["", "faults", "sessions", "events", "events/stream", "static/console.js", "nothing"]
)
async def test_foreign_host_names_and_origins_are_refused(
    service: SimulatedService, headers: dict[str, str], path: str
) -> None:
    response = await service.http.get(f"/simulator/{path}", headers=headers)

    assert response.status_code == 403
    assert "Access-Control-Allow-Origin" not in response.headers
    assert service.addresses.livekit_api_secret not in response.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example", "Content-Type": "application/x-www-form-urlencoded"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", **KEY},
    ],
)
async def test_a_form_of_another_web_page_is_refused(
    service: SimulatedService, headers: dict[str, str]
) -> None:
    response = await service.http.post("/simulator/faults", content="fault=slow", headers=headers)

    assert response.status_code == 403
    assert (await service.http.get("/simulator/faults")).json()["on"] == []


async def test_another_machine_is_refused(service: SimulatedService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiohttp.web_request.BaseRequest.remote", "192.0.2.7")

    response = await service.http.get("/simulator/")

    assert response.status_code == 403
    assert response.json()["error"] == "The console accepts requests from its own machine only"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "localhost:1234"])
async def test_requests_to_local_host_names_are_accepted(service: SimulatedService, host: str) -> None:
    response = await service.http.get("/simulator/", headers={"Host": host})

    assert response.status_code == 200


async def test_a_preflight_of_another_web_page_is_refused(service: SimulatedService) -> None:
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}

    response = await service.http.options("/simulator/faults", headers=headers)

    assert response.status_code == 403
    assert "Access-Control-Allow-Origin" not in response.headers


async def test_a_link_on_another_web_page_opens_the_console(service: SimulatedService) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}

    assert (await service.http.get("/simulator/", headers=headers)).status_code == 200


@pytest.mark.parametrize("path", ["/", "/simulator"])
async def test_the_bare_address_redirects_to_the_page(service: SimulatedService, path: str) -> None:
    response = await service.http.get(path)

    assert response.headers["Location"] == "/simulator/"


async def test_the_page_allows_only_its_own_scripts(service: SimulatedService) -> None:
    response = await service.http.get("/simulator/")

    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*src=)|<style| style=| on\w+=", response.text)


async def test_texts_of_clients_are_escaped_on_the_page(service: SimulatedService) -> None:
    hostile = "<img src=x onerror=alert(1)>&\"'"
    await service.http.post("/simulator/sessions/x/say", json={"text": hostile})
    await service.http.get(f"/v1/{hostile}", headers=KEY)

    text = await page(service, q=hostile)

    assert "<img src=x" not in text
    assert text.count("&lt;img src=x") >= 2  # in the filter and in the event


def test_html_is_escaped_unless_it_is_markup() -> None:
    made = element("p", "<b>", element("i", "&"), 7, None, ["x", ["<"]], class_='"', data_n=0, hidden=False)

    assert element("p", "half \ud800") == "<p>half ?</p>"
    assert made == '<p class="&quot;" data-n="0">&lt;b&gt;<i>&amp;</i>7x&lt;</p>'


async def test_the_page_shows_sessions_and_events(service: SimulatedService) -> None:
    session_id, _ = await service.running()

    text = await page(service)

    assert f'id="session-{session_id}"' in text
    assert "POST /v1/sessions/start" in text
    assert "data-number" not in await page(service, q="nothing like that")


async def test_the_page_filters_events_without_script(service: SimulatedService) -> None:
    await service.running()

    rest_only = await page(service, channel="rest")

    assert set(re.findall(r'data-channel="(\w+)"', rest_only)) == {"rest"}


async def test_a_form_redirects_to_the_page(service: SimulatedService) -> None:
    form = {"fault": "slow", "endpoint": "start", "seconds": "2", "session_id": "", "times": ""}

    response = await service.http.post("/simulator/faults", data=form, headers=BROWSER)

    assert (response.status_code, response.headers["Location"]) == (303, "/simulator/#faults")
    assert "every request" in await page(service)


async def test_the_page_says_why_a_form_was_refused(service: SimulatedService) -> None:
    form = {"fault": "slow", "seconds": "<b>soon</b>"}

    response = await service.http.post("/simulator/faults", data=form, headers=BROWSER)

    assert response.status_code == 422
    assert "seconds must be a number from 0 to 600" in response.text
    assert 'role="alert"' in response.text


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b'{"left": 5}', "text/plain", 415),
        (b'{"left": 5}', "multipart/form-data; boundary=x", 415),
        (b"[1]", "application/json", 422),
        (b"{", "application/json", 422),
        (b"\xff", "application/json", 422),
        (b"{}", "application/json", 422),
        (b'{"left": -1}', "application/json", 422),
        (b'{"left": "NaN"}', "application/json", 422),
        (b'{"left": 1, "add": 1}', "application/json", 422),
        (b" " * 70_000, "application/json", 413),
    ],
)
async def test_an_invalid_request_is_refused_with_a_reason(
    service: SimulatedService, content: bytes, content_type: str, status: int
) -> None:
    before = (await service.http.get("/simulator/credits")).json()

    response = await service.http.post(
        "/simulator/credits", content=content, headers={"Content-Type": content_type}
    )

    assert response.status_code == status
    assert response.json()["error"]
    assert (await service.http.get("/simulator/credits")).json() == before


async def test_credits_can_be_set_and_added(service: SimulatedService) -> None:
    await service.http.post("/simulator/credits", json={"left": 1})
    _, bearer = await service.mint()
    poor = await service.http.post("/v1/sessions/start", headers=bearer)

    await service.http.post("/simulator/credits", data={"add": "4.5"})
    rich = await service.http.post("/v1/sessions/start", headers=bearer)

    assert (poor.status_code, rich.status_code) == (403, 201)
    assert (await service.get("/v1/users/credits"))["credits_left"] == "3.5"


async def test_the_console_ends_a_session_with_the_given_reason(service: SimulatedService) -> None:
    session_id, _ = await service.running()

    response = await service.http.post(
        f"/simulator/sessions/{session_id}/end", json={"reason": "ZOMBIE_SESSION_REAP"}
    )
    again = await service.http.post(f"/simulator/sessions/{session_id}/end", json={})

    assert response.json()["end_reason"] == "ZOMBIE_SESSION_REAP"
    assert again.status_code == 409
    assert (await service.ended(session_id))["end_reason"] == "ZOMBIE_SESSION_REAP"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("say", {"text": ""}, 422),
        ("say", {"text": "x" * 3000}, 422),
        ("tone", {"hertz": "loud"}, 422),
        ("tone", {"seconds": 1e9}, 422),
        ("end", {"reason": "BORED"}, 422),
        ("dance", {}, 404),
    ],
)
async def test_an_invalid_command_is_refused(
    service: SimulatedService, path: str, body: dict[str, Any], status: int
) -> None:
    session_id, _ = await service.running()

    response = await service.http.post(f"/simulator/sessions/{session_id}/{path}", json=body)

    assert response.status_code == status


@pytest.mark.parametrize("path", ["say", "tone", "interrupt", "end"])
async def test_a_command_to_an_unknown_session_is_404(service: SimulatedService, path: str) -> None:
    response = await service.http.post(f"/simulator/sessions/unknown/{path}", json={"text": "Hello"})

    assert response.status_code == 404


async def test_a_request_can_wait_for_the_next_event(service: SimulatedService) -> None:
    last = (await service.http.get("/simulator/events")).json()["last"]
    waiting = asyncio.create_task(service.http.get("/simulator/events", params={"since": last, "wait": 30}))

    await service.mint()
    events = (await waiting).json()["events"]

    assert [event["name"] for event in events] == ["POST /v1/sessions/token"]
    assert events[0]["message"]["status"] == 200


async def test_waiting_for_events_ends_without_events(service: SimulatedService) -> None:
    response = await service.http.get("/simulator/events", params={"since": 0, "wait": 0})

    assert response.json() == {"events": [], "last": 0}


async def test_the_stream_sends_past_and_new_entries(service: SimulatedService) -> None:
    await service.mint()
    async with service.http.stream("GET", "/simulator/events/stream") as stream:
        events = _events(stream)
        first = await anext(events)
        await service.running()
        names = [first["name"], *[(await anext(events))["name"] for _ in range(3)]]

    assert names == [
        "POST /v1/sessions/token",
        "POST /v1/sessions/token",
        "started",
        "POST /v1/sessions/start",
    ]


async def test_a_reader_that_reconnects_continues_after_its_last_entry(service: SimulatedService) -> None:
    for _ in range(3):
        await service.mint()

    async with service.http.stream(
        "GET", "/simulator/events/stream", headers={"Last-Event-ID": "2"}
    ) as stream:
        assert (await anext(_events(stream)))["number"] == 3


async def test_an_open_stream_ends_with_the_simulator() -> None:
    async with httpx.AsyncClient() as reader:
        async with simulated_service() as service:
            address = f"{service.addresses.api_url}/simulator/events/stream"
            stream = await reader.send(reader.build_request("GET", address), stream=True)
            events = _events(stream)
            await service.mint()
            first = await anext(events)

        rest = [event async for event in events]

    assert (first["number"], rest) == (1, [])


async def test_texts_of_clients_cannot_add_fields_to_the_stream(service: SimulatedService) -> None:
    await service.http.get("/v1/nothing%0d%0aid:%20999%0d%0a%0d%0adata:%20forged", headers=KEY)
    await service.mint()

    for query in ({}, {"as": "html"}):
        async with service.http.stream("GET", "/simulator/events/stream", params=query) as stream:
            fields = [line async for line in _lines_until(stream, "id: 2")]

        assert [line for line in fields if line and not line.startswith(("retry: ", "id: ", "data: "))] == []
        assert "id: 999" not in fields


async def _lines_until(stream: httpx.Response, last: str) -> AsyncIterator[str]:
    async for line in stream.aiter_lines():
        yield line
        if line == last:
            return


async def _events(stream: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in stream.aiter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


async def test_events_and_sessions_show_no_secrets(service: SimulatedService) -> None:
    session_id, bearer = await service.running()
    await service.http.post("/v1/sessions/keep-alive", headers=bearer)

    shown = (await service.http.get("/simulator/events")).text + (
        await service.http.get(f"/simulator/sessions/{session_id}")
    ).text

    for secret in (bearer["Authorization"], KEY["X-API-KEY"], service.addresses.livekit_api_secret):
        assert secret.removeprefix("Bearer ") not in shown
