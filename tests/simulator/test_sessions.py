"""The life of sessions, over real sockets, with scripted workers in place of avatars."""

import asyncio
import json
import os
import signal
from decimal import Decimal
from typing import Any

import jwt
import psutil
import pytest
from livekit import api, rtc

from rigs.rooms.room_rig import until
from rigs.services.simulated_service import KEY, SimulatedService, simulated_service
from simulator.seed import DEMO_CONTEXT, DEMO_VOICE, WAYNE, seeded_world
from simulator.world import Avatar


async def rooms_of(service: SimulatedService) -> list[str]:
    addresses = service.addresses
    credentials = (addresses.livekit_url, addresses.livekit_api_key, addresses.livekit_api_secret)
    async with api.LiveKitAPI(*credentials) as server:
        return [room.name for room in (await server.room.list_rooms(api.ListRoomsRequest())).rooms]


async def _has_rooms(service: SimulatedService, count: int) -> bool:
    return len(await rooms_of(service)) == count


def scripted_workers() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE and "scripted_worker" in " ".join(child.cmdline())
    ]


def zombies() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if child.status() == psutil.STATUS_ZOMBIE]


async def test_start_answers_201_with_room_token_and_duration() -> None:
    async with simulated_service() as service:
        session_id, bearer = await service.mint()

        response = await service.http.post("/v1/sessions/start", headers=bearer)

        assert response.status_code == 201
        assert response.json()["code"] == 1000
        data = response.json()["data"]
        claims = jwt.decode(data.pop("livekit_client_token"), options={"verify_signature": False})
        assert data == {
            "session_id": session_id,
            "livekit_url": service.addresses.livekit_url,
            "livekit_agent_token": None,
            "ws_url": None,
            "max_session_duration": 3600,
        }
        assert claims["sub"].startswith("client-")
        assert claims["video"]["room"] == session_id
        assert claims["video"]["canPublishSources"] == ["microphone"]
        assert await rooms_of(service) == [session_id]


async def test_the_session_token_holds_the_mode_for_the_web_sdk() -> None:
    async with simulated_service() as service:
        _, bearer = await service.mint(avatar_persona={"voice_id": DEMO_VOICE}, is_sandbox=True)

    token = bearer["Authorization"].removeprefix("Bearer ")
    assert "=" not in token
    assert jwt.decode(token, options={"verify_signature": False})["start_session_data"] == {
        "mode": "FULL",
        "is_sandbox": True,
        "avatar_id": WAYNE,
        "voice_id": DEMO_VOICE,
        "interactivity_type": "CONVERSATIONAL",
    }


async def test_the_worker_gets_all_parameters_of_the_session() -> None:
    persona = {
        "context_id": DEMO_CONTEXT,
        "language": "fr",
        "voice_settings": {"provider": "elevenLabs", "speed": 1.2},
    }
    async with simulated_service() as service:
        session_id, _ = await service.running(
            "tells_its_job",
            avatar_persona=persona,
            video_settings={"quality": "low", "encoding": "VP8"},
            interactivity_type="PUSH_TO_TALK",
        )

        job = json.loads((await service.lines(session_id, 1))[0]["transcript"])

        avatar = jwt.decode(job.pop("avatar_token"), options={"verify_signature": False})
        agent = jwt.decode(job.pop("agent_token"), options={"verify_signature": False})
        assert (avatar["sub"], avatar["kind"]) == ("heygen", "agent")
        assert (agent["sub"], agent["kind"]) == (f"liveavatar-agent-{session_id}", "agent")
        assert job.pop("context")["opening_text"].startswith("Hello")
        assert job == {
            "do": "start",
            "mode": "FULL",
            "llm": None,
            "session_id": session_id,
            "livekit_url": service.addresses.livekit_url,
            "avatar": "ava",
            "quality": "low",
            "encoding": "VP8",
            "voice": {"name": "Clara", "espeak": "fr+f3", "rate": 198, "pitch": 50},
            "language": "fr",
            "interactivity_type": "PUSH_TO_TALK",
            "dynamic_variables": {"script": "tells_its_job"},
        }


async def test_stop_ends_worker_and_room_and_a_second_stop_is_404() -> None:
    async with simulated_service() as service:
        session_id, bearer = await service.running()

        first = await service.http.post("/v1/sessions/stop", headers=bearer)
        second = await service.http.post("/v1/sessions/stop", headers=bearer)

        assert (first.status_code, first.json()["code"], first.json()["data"]) == (200, 1000, None)
        assert (second.status_code, second.json()["message"]) == (404, "Session not found")
        assert await rooms_of(service) == []
        shown = await service.get(f"/v1/sessions/{session_id}")
        assert shown["end_reason"] == "USER_CLOSED"
        assert shown["end_at"] is not None
        told = json.loads((await service.lines(session_id, 1))[-1]["transcript"])
        assert told == {"do": "stop", "reason": "USER_CLOSED"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "USER_CLOSED"),
        (b"{}", "UNKNOWN"),
        (b'{"reason": "USER_DISCONNECTED"}', "USER_DISCONNECTED"),
        (b'{"reason": "AGENT_HANG_UP", "something": 1}', "AGENT_HANG_UP"),
    ],
)
async def test_stop_accepts_every_body_that_clients_send(body: bytes, reason: str) -> None:
    headers = {"Content-Type": "application/json"}
    async with simulated_service() as service:
        session_id, bearer = await service.running()

        response = await service.http.post("/v1/sessions/stop", headers=headers | bearer, content=body)

        assert response.status_code == 200
        assert (await service.ended(session_id))["end_reason"] == reason


async def test_an_api_key_stops_the_session_named_in_the_body() -> None:
    async with simulated_service() as service:
        session_id, _ = await service.running()

        nameless = await service.http.post("/v1/sessions/stop", headers=KEY)
        response = await service.http.post("/v1/sessions/stop", headers=KEY, json={"session_id": session_id})

        assert nameless.status_code == 422
        assert response.status_code == 200
        assert (await service.ended(session_id))["end_reason"] == "UNKNOWN"


async def test_two_stops_at_once_both_succeed() -> None:
    async with simulated_service() as service:
        _, bearer = await service.running()

        responses = await asyncio.gather(
            *(service.http.post("/v1/sessions/stop", headers=bearer) for _ in range(2))
        )

        assert [response.status_code for response in responses] == [200, 200]


async def test_two_starts_of_one_token_make_one_session() -> None:
    async with simulated_service() as service:
        _, bearer = await service.mint()

        responses = await asyncio.gather(
            *(service.http.post("/v1/sessions/start", headers=bearer) for _ in range(2))
        )

        assert sorted(response.status_code for response in responses) == [201, 400]
        assert "started already" in next(r for r in responses if r.status_code == 400).json()["message"]
        assert len(await rooms_of(service)) == 1


async def test_a_stopped_session_cannot_be_started_again() -> None:
    async with simulated_service() as service:
        _, bearer = await service.mint()
        await service.http.post("/v1/sessions/stop", headers=bearer)

        response = await service.http.post("/v1/sessions/start", headers=bearer)

        assert (response.status_code, response.json()["message"]) == (400, "The session has ended")


async def test_stop_during_start_ends_the_session_and_refunds_it() -> None:
    async with simulated_service() as service:
        session_id, bearer = await service.mint("never_ready")
        starting = asyncio.create_task(service.http.post("/v1/sessions/start", headers=bearer))
        await until(lambda: _has_rooms(service, 1))

        stopped = await service.http.post("/v1/sessions/stop", headers=bearer)

        assert stopped.status_code == 200
        assert (await starting).status_code == 400
        assert "stopped while it was starting" in (await starting).json()["message"]
        assert await rooms_of(service) == []
        assert (await service.ended(session_id))["end_reason"] == "USER_CLOSED"
        assert (await service.get("/v1/users/credits"))["credits_left"] == "1000"


@pytest.mark.parametrize(
    ("script", "why"), [("fails", "exit code 1"), ("dies_joining", "the room fell on me")]
)
async def test_a_failed_start_leaves_no_room_and_can_be_tried_again(script: str, why: str) -> None:
    async with simulated_service() as service:
        await service.running()
        _, bearer = await service.mint(script)

        responses = [await service.http.post("/v1/sessions/start", headers=bearer) for _ in range(2)]

        assert [response.status_code for response in responses] == [500, 500]
        assert all(why in response.json()["message"] for response in responses)
        assert len(await rooms_of(service)) == 1
        assert (await service.get("/v1/users/credits"))["credits_left"] == "998"


async def test_a_crash_of_the_worker_is_announced_in_the_room_before_it_is_deleted() -> None:
    async with simulated_service() as service:
        session_id, bearer = await service.mint("tells_its_pid")
        started = await service.http.post("/v1/sessions/start", headers=bearer)
        admission = started.json()["data"]
        pid = int((await service.lines(session_id, 1))[0]["transcript"])
        events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        visitor = rtc.Room()
        visitor.on(
            "data_received",
            lambda packet: events.put_nowait({"topic": packet.topic, **json.loads(packet.data)}),
        )
        gone = asyncio.Event()
        visitor.on("disconnected", lambda *_: gone.set())
        await visitor.connect(admission["livekit_url"], admission["livekit_client_token"])
        # Returns when the data channel is open. Events arrive on the same channel.
        await visitor.local_participant.publish_data("{}", topic="agent-control")

        os.kill(pid, signal.SIGKILL)

        event = await events.get()
        assert event.pop("event_id")
        assert event == {
            "topic": "agent-response",
            "event_type": "session.stopped",
            "session_id": session_id,
            "source_event_id": None,
            "end_reason": "SERVER_ERROR",
            "stop_reason": "SERVER_ERROR",
        }
        await gone.wait()
        assert (await service.ended(session_id))["end_reason"] == "SERVER_ERROR"
        await visitor.disconnect()


async def test_a_worker_that_exits_by_itself_ends_its_session() -> None:
    async with simulated_service() as service:
        session_id, _ = await service.running("leaves_unasked")

        assert (await service.ended(session_id))["end_reason"] == "SERVER_ERROR"


async def test_a_worker_that_ignores_the_stop_is_killed() -> None:
    async with simulated_service(stop_grace=0.3) as service:
        _, bearer = await service.running("deaf")

        response = await service.http.post("/v1/sessions/stop", headers=bearer)

        assert response.status_code == 200
        assert await rooms_of(service) == []
        assert zombies() == []


async def test_a_session_without_activity_ends() -> None:
    async with simulated_service(idle_timeout=0.3) as service:
        session_id, _ = await service.running()

        assert (await service.ended(session_id))["end_reason"] == "IDLE_TIMEOUT"


async def test_keep_alive_accepts_a_bearer_without_a_body() -> None:
    async with simulated_service() as service:
        _, bearer = await service.running()

        response = await service.http.post(
            "/v1/sessions/keep-alive", headers={"Content-Type": "application/json"} | bearer
        )

    assert (response.status_code, response.json()["code"]) == (200, 1000)


async def test_a_session_ends_after_its_longest_duration() -> None:
    async with simulated_service(max_duration=0.3) as service:
        session_id, _ = await service.running()

        assert (await service.ended(session_id))["end_reason"] == "MAX_DURATION_REACHED"


async def test_keep_alive_of_an_unknown_session_is_404() -> None:
    async with simulated_service() as service:
        response = await service.http.post(
            "/v1/sessions/keep-alive", headers=KEY, json={"session_id": DEMO_CONTEXT}
        )

    assert (response.status_code, response.json()["message"]) == (404, "Session not found")


@pytest.mark.parametrize(
    ("fields", "allowed"),
    [
        ({}, 3600),
        ({"max_session_duration": 120}, 120),
        ({"max_session_duration": 9999}, 3600),
        ({"is_sandbox": True}, 60),
        ({"is_sandbox": True, "max_session_duration": 30}, 30),
    ],
)
async def test_the_longest_duration_is_the_shorter_of_request_and_limit(
    fields: dict[str, Any], allowed: int
) -> None:
    async with simulated_service() as service:
        _, bearer = await service.mint(**fields)

        response = await service.http.post("/v1/sessions/start", headers=bearer)

        assert response.json()["data"]["max_session_duration"] == allowed


async def test_a_session_ends_when_the_credits_do_not_cover_the_next_minute() -> None:
    async with simulated_service(billing_minute=0.3, credits=Decimal(5)) as service:
        session_id, _ = await service.running()

        ended = await service.ended(session_id)

        assert ended["end_reason"] == "NO_CREDITS"
        assert ended["credits_consumed"] == 4
        assert (await service.get("/v1/users/credits"))["credits_left"] == "1"
        _, bearer = await service.mint()
        refused = await service.http.post("/v1/sessions/start", headers=bearer)
        assert (refused.status_code, refused.json()["code"]) == (403, 4033)


async def test_a_sandbox_session_is_free() -> None:
    async with simulated_service(credits=Decimal(0)) as service:
        session_id, _ = await service.running(is_sandbox=True)

        assert (await service.get(f"/v1/sessions/{session_id}"))["credits_consumed"] == 0


async def test_a_start_beyond_the_concurrency_limit_is_refused_until_a_session_stops() -> None:
    async with simulated_service(concurrency=1) as service:
        _, first = await service.running()
        _, second = await service.mint()

        refused = await service.http.post("/v1/sessions/start", headers=second)
        await service.http.post("/v1/sessions/stop", headers=first)
        accepted = await service.http.post("/v1/sessions/start", headers=second)

        assert (refused.status_code, refused.json()["code"]) == (403, 4032)
        assert accepted.status_code == 201


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({"avatar_id": DEMO_CONTEXT}, 404, f"Avatar with id '{DEMO_CONTEXT}' not found"),
        ({"avatar_persona": {"voice_id": WAYNE}}, 404, f"Voice with id '{WAYNE}' not found"),
        ({"avatar_persona": {"context_id": WAYNE}}, 404, f"Context with id '{WAYNE}' not found"),
        (
            {"llm_configuration_id": WAYNE},
            400,
            f"LLM configuration with id '{WAYNE}' not found in your space",
        ),
        (
            {"avatar_persona": None, "voice_agent": {"id": WAYNE}},
            404,
            f"Voice agent with id '{WAYNE}' not found",
        ),
    ],
)
async def test_a_start_with_an_unknown_entry_is_refused(
    fields: dict[str, Any], status: int, message: str
) -> None:
    async with simulated_service() as service:
        _, bearer = await service.mint(**fields)

        response = await service.http.post("/v1/sessions/start", headers=bearer)

        assert (response.status_code, response.json()["message"]) == (status, message)


async def test_an_image_avatar_needs_a_voice() -> None:
    world = seeded_world()
    statue = Avatar(DEMO_CONTEXT, "Statue", "ava", default_voice_id=None, type="IMAGE")
    world.avatars[statue.id] = statue
    async with simulated_service(world=world) as service:
        _, mute = await service.mint(avatar_id=statue.id)

        refused = await service.http.post("/v1/sessions/start", headers=mute)
        await service.running(avatar_id=statue.id, avatar_persona={"voice_id": DEMO_VOICE})

        assert refused.status_code == 400
        assert "send a voice_id" in refused.json()["message"]


async def test_a_start_needs_values_for_all_variables_of_its_context() -> None:
    context = {
        "name": "Guest",
        "prompt": "You talk to ${guest}, who likes ${drink}.",
        "opening_text": "Hi ${guest}!",
    }
    async with simulated_service() as service:
        created = await service.http.post("/v1/contexts", json=context, headers=KEY)
        persona = {"context_id": created.json()["data"]["id"]}
        _, without = await service.mint(avatar_persona=persona)

        refused = await service.http.post("/v1/sessions/start", headers=without)
        await service.running(avatar_persona=persona, dynamic_variables={"guest": "Ida", "drink": "tea"})

        assert created.json()["data"]["required_dynamic_variables"] == ["guest", "drink"]
        assert refused.status_code == 400
        assert refused.json()["message"] == "The context needs dynamic_variables: guest, drink"


async def test_a_transcript_can_be_read_in_parts_and_deleted() -> None:
    async with simulated_service() as service:
        session_id, bearer = await service.running("talks")
        path = f"/v1/sessions/{session_id}/transcript"
        said, answered = await service.lines(session_id, 2)

        later = await service.get(path, start_timestamp=said["absolute_timestamp"] + 1)
        nothing = await service.get(path, start_timestamp=later["next_timestamp"])
        deleted = await service.http.delete(f"/v1/sessions/{session_id}/events", headers=bearer)

        assert [(line["role"], line["transcript"]) for line in (said, answered)] == [
            ("user", "Hello"),
            ("avatar", "Hi there"),
        ]
        between = answered["absolute_timestamp"] - said["absolute_timestamp"]
        # Lines that come before the session has started count from its start.
        assert 0 <= said["relative_timestamp"] <= answered["relative_timestamp"]
        assert answered["relative_timestamp"] <= said["relative_timestamp"] + between
        assert later["session_active"] is True
        assert later["transcript_data"] == [answered]
        assert nothing["transcript_data"] == []
        assert nothing["next_timestamp"] == answered["absolute_timestamp"] + 1
        assert deleted.status_code == 200
        assert (await service.get(path))["transcript_data"] == []


async def test_a_bearer_cannot_delete_events_of_another_session() -> None:
    async with simulated_service() as service:
        mine, _ = await service.mint()
        _, other = await service.mint()

        response = await service.http.delete(f"/v1/sessions/{mine}/events", headers=other)

        assert response.status_code == 403


async def test_sessions_are_listed_by_state_in_pages_and_by_filter() -> None:
    async with simulated_service() as service:
        unstarted, _ = await service.mint()
        first, bearer = await service.running(avatar_persona={"context_id": DEMO_CONTEXT})
        second, _ = await service.running()
        await service.http.post("/v1/sessions/stop", headers=bearer)

        active = await service.get("/v1/sessions", type="active")
        historic = await service.get("/v1/sessions", type="historic", context_id=DEMO_CONTEXT)
        none = await service.get("/v1/sessions", type="historic", embed_id=DEMO_CONTEXT)

        assert [entry["id"] for entry in active["results"]] == [second]
        assert active["results"][0].keys() == {
            "id", "created_at", "updated_at", "duration", "source", "mode", "is_sandbox", "credits_consumed",
        }  # fmt: skip
        assert [(entry["id"], entry["end_reason"]) for entry in historic["results"]] == [
            (first, "USER_CLOSED")
        ]
        assert none["count"] == 0
        assert unstarted not in str(active) + str(historic)


async def test_closing_ends_running_and_starting_sessions_and_all_processes() -> None:
    # Waiting for the start would exceed the time limit of `simulated_service`.
    async with simulated_service(start_timeout=1000) as service:
        await service.running()
        _, bearer = await service.mint("never_ready")
        starting = asyncio.create_task(service.http.post("/v1/sessions/start", headers=bearer))
        await until(lambda: _has_rooms(service, 2))
        assert scripted_workers()

    assert scripted_workers() == []
    assert zombies() == []
    await asyncio.wait({starting})
    assert starting.exception() is not None or starting.result().status_code == 500
