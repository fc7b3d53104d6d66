"""Avatars, voices, voice agents, embeds and feedback of the simulator."""

import base64
import io
import wave
from typing import Any

import pytest

from rigs.services.simulated_service import KEY, SimulatedService, simulated_service
from simulator.seed import (
    DEMO_CONTEXT,
    DEMO_VOICE,
    ELEVENLABS_AGENT,
    GUIDE_AGENT,
    JUNE,
    NORA,
    WAYNE,
)

UNKNOWN = "00000000-0000-4000-8000-000000000000"


async def sent(service: SimulatedService, method: str, path: str, **body: Any) -> Any:
    """Send a request. Return the `data` of its successful answer."""
    response = await service.http.request(method, path, json=body or None, headers=KEY)
    assert response.status_code == 200, response.text
    return response.json()["data"]


async def test_an_avatars_name_and_default_voice_can_be_changed() -> None:
    async with simulated_service() as service:
        renamed = await sent(service, "PATCH", f"/v1/avatars/{WAYNE}", name="Wanda")
        voiced = await sent(service, "PATCH", f"/v1/avatars/{WAYNE}", default_voice_id=NORA, unknown=1)
        listed = await service.get("/v1/avatars/public")

    assert (renamed["name"], renamed["default_voice"]["id"]) == ("Wanda", DEMO_VOICE)
    assert voiced["default_voice"] == {"id": NORA, "name": "Nora"}
    assert listed["results"][0] == voiced


async def test_deleting_an_avatar_ends_its_sessions() -> None:
    async with simulated_service() as service:
        running, _ = await service.running()
        other, _ = await service.running(avatar_id=JUNE)

        await sent(service, "DELETE", f"/v1/avatars/{WAYNE}")

        assert (await service.ended(running))["end_reason"] == "AVATAR_DELETED"
        assert "end_reason" not in await service.get(f"/v1/sessions/{other}")
        assert [avatar["id"] for avatar in (await service.get("/v1/avatars"))["results"]] == [JUNE]
        _, bearer = await service.mint()
        refused = await service.http.post("/v1/sessions/start", headers=bearer)
        assert (refused.status_code, refused.json()["message"]) == (
            404,
            f"Avatar with id '{WAYNE}' not found",
        )


@pytest.mark.parametrize("name", ["provider_voice_id", "voice_id"])
async def test_an_imported_voice_is_private_and_needs_its_secret(name: str) -> None:
    async with simulated_service() as service:
        secret = await sent(
            service,
            "POST",
            "/v1/secrets",
            secret_name="labs",
            secret_value="xi-1",
            secret_type="ELEVENLABS_API_KEY",
        )
        made = await sent(
            service, "POST", "/v1/voices/third_party", **{name: "21m00Tcm"}, secret_id=secret["id"]
        )
        persona = {"voice_id": made["voice_id"]}
        await service.running(avatar_persona=persona)
        private = await service.get("/v1/voices", voice_type="private")
        public = await service.get("/v1/voices")
        await sent(service, "DELETE", f"/v1/secrets/{secret['id']}")
        _, bearer = await service.mint(avatar_persona=persona)
        mute = await service.http.post("/v1/sessions/start", headers=bearer)

    assert [voice["id"] for voice in private["results"]] == [made["voice_id"]]
    assert "21m00Tcm" in private["results"][0]["description"]
    assert made["voice_id"] not in str(public)
    assert mute.status_code == 400
    assert "secret" in mute.json()["message"]


async def test_a_voice_can_be_renamed_and_deleted() -> None:
    async with simulated_service() as service:
        renamed = await sent(service, "PATCH", f"/v1/voices/{NORA}", name="Leonora")
        await sent(service, "DELETE", f"/v1/voices/{NORA}")
        gone = await service.http.get(f"/v1/voices/{NORA}", headers=KEY)
        june = await service.get(f"/v1/avatars/{JUNE}")

    assert renamed["name"] == "Leonora"
    assert gone.status_code == 404
    assert june["default_voice"] is None


async def test_each_voice_has_its_own_audible_sample() -> None:
    async with simulated_service() as service:
        clara = await service.get(f"/v1/voices/{DEMO_VOICE}/preview")
        again = await service.get(f"/v1/voices/{DEMO_VOICE}/preview")
        nora = await service.get(f"/v1/voices/{NORA}/preview")

    with wave.open(io.BytesIO(base64.b64decode(clara["audio_base64"]))) as sound:
        assert (sound.getframerate(), sound.getsampwidth(), sound.getnchannels()) == (24_000, 2, 1)
        assert 1 < sound.getnframes() / 24_000 < 10
        assert max(sound.readframes(sound.getnframes())) > 0
    assert again == clara
    assert nora != clara


async def test_only_a_single_voice_agent_is_shown_with_its_configuration() -> None:
    async with simulated_service() as service:
        listed = (await service.get("/v1/voice_agents"))["results"]
        shown = await service.get(f"/v1/voice_agents/{GUIDE_AGENT}")

    assert {entry["agent_type"] for entry in listed} == {"liveavatar_agent", "elevenlabs_agent"}
    assert shown["agent_configuration"] == {"context_id": DEMO_CONTEXT, "voice_id": DEMO_VOICE}
    assert {key: value for key, value in shown.items() if key != "agent_configuration"} in listed


async def test_a_session_takes_context_and_voice_from_its_voice_agent() -> None:
    async with simulated_service() as service:
        session_id, _ = await service.running(
            "tells_its_job", avatar_persona=None, voice_agent={"id": GUIDE_AGENT, "language": "fr"}
        )
        job = (await service.lines(session_id, 1))[0]["transcript"]
        _, bearer = await service.mint(avatar_persona=None, voice_agent={"id": ELEVENLABS_AGENT})
        elsewhere = await service.http.post("/v1/sessions/start", headers=bearer)

    assert '"name": "LiveAvatar guide"' in job
    assert '"espeak": "fr+f3"' in job
    assert elsewhere.status_code == 501
    assert elsewhere.json()["message"] == "Voice agents of ElevenLabs are not simulated"


async def test_an_embed_has_a_url_that_answers_not_simulated() -> None:
    async with simulated_service() as service:
        embed = await sent(
            service, "POST", "/v2/embeddings", avatar_id=JUNE, context_id=DEMO_CONTEXT, orientation="vertical"
        )
        page = await service.http.get(embed["url"])
        unknown = await service.http.get(f"/embed/v1/{UNKNOWN}")

    assert embed["url"].endswith(embed["embed_id"])
    assert embed["url"] in embed["script"]
    assert 'allow="microphone"' in embed["script"]
    assert "9/16" in embed["script"]
    assert (page.status_code, page.json()["message"]) == (501, "Embedded pages are not simulated")
    assert unknown.status_code == 404


async def test_feedback_is_accepted() -> None:
    async with simulated_service() as service:
        given = await sent(service, "POST", "/v1/feedback/agents", feedback_data={"use_case": "a museum"})

    assert given is None


PATCH_AVATAR, PATCH_VOICE = ("PATCH", f"/v1/avatars/{WAYNE}"), ("PATCH", f"/v1/voices/{NORA}")
IMPORT, EMBED, FEEDBACK = (
    ("POST", "/v1/voices/third_party"),
    ("POST", "/v2/embeddings"),
    ("POST", "/v1/feedback/agents"),
)


@pytest.mark.parametrize(
    ("endpoint", "body", "problem"),
    [
        (PATCH_AVATAR, {"name": ""}, "body.name: String should have at least 1 character"),
        (PATCH_AVATAR, {"default_voice_id": "x"}, "body.default_voice_id: Input should be a valid UUID"),
        (PATCH_AVATAR, [], "body: Input should be a valid dictionary"),
        (PATCH_VOICE, {}, "body.name: Field required"),
        (PATCH_VOICE, {"name": "x" * 65}, "body.name: String should have at most 64 characters"),
        (IMPORT, {"secret_id": "x"}, "body.provider_voice_id: Field required"),
        (IMPORT, {"voice_id": "x"}, "body.secret_id: Field required"),
        (EMBED, {"avatar_id": WAYNE}, "body.context_id: Field required"),
        (EMBED, {"context_id": WAYNE}, "body.avatar_id: Field required"),
        (EMBED, {"max_session_duration": 0}, "body.max_session_duration: Input should be greater than 0"),
        (
            EMBED,
            {"default_language": "german"},
            "body.default_language: String should have at most 5 characters",
        ),
        (EMBED, {"type": "PAGE"}, "body.type: Input should be 'DEFAULT' or 'WIDGET'"),
        (EMBED, {"orientation": "round"}, "body.orientation: Input should be 'horizontal' or 'vertical'"),
        (
            EMBED,
            {"voice_agent_id": WAYNE, "context_id": WAYNE},
            "body: Value error, voice_agent_id excludes context_id and voice_id",
        ),
        (FEEDBACK, {}, "body.feedback_data: Field required"),
        (
            FEEDBACK,
            {"feedback_data": {"blockers": 1}},
            "body.feedback_data.blockers: Input should be a valid string",
        ),
    ],
)
async def test_an_invalid_field_is_named(endpoint: tuple[str, str], body: Any, problem: str) -> None:
    async with simulated_service() as service:
        response = await service.http.request(*endpoint, json=body, headers=KEY)

    assert response.status_code == 422
    assert {"message": problem} in response.json()["data"]


async def test_an_unknown_voice_cannot_become_a_default_voice() -> None:
    async with simulated_service() as service:
        response = await service.http.patch(
            f"/v1/avatars/{WAYNE}", json={"default_voice_id": UNKNOWN}, headers=KEY
        )

    assert (response.status_code, response.json()["message"]) == (404, "Voice not found")
