"""What the client sends for each call, and what it makes of the answers."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest

from liveavatar import (
    Encoding,
    EndReason,
    FullSession,
    Garbled,
    Interactivity,
    Link,
    LiveAvatar,
    Mode,
    Quality,
    SessionToken,
    VoiceName,
)
from liveavatar.vocabulary import end_reason_of

SESSION = "3f1c8f5e-58a5-4b55-9d2b-0c5d5f1f6b11"
AVATAR = "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a"
TOKEN = SessionToken(SESSION, "session.token")
STARTED = {
    "session_id": SESSION,
    "livekit_url": "wss://room.example",
    "livekit_client_token": "client.token",
    "livekit_agent_token": None,
    "max_session_duration": 60,
    "ws_url": None,
}


class Service:
    """A service that gives one answer to everything and remembers what it was asked."""

    def __init__(self, data=None, *, status=200, code=1000):
        self.response = {"code": code, "message": "ok", "data": data}
        self.status = status
        self.requests: list[httpx.Request] = []

    def __call__(self, request):
        self.requests.append(request)
        return httpx.Response(self.status, json=self.response)

    @property
    def request(self):
        [request] = self.requests
        return request

    @property
    def body(self):
        return json.loads(self.request.content)

    def client(self):
        return LiveAvatar("the-key", transport=httpx.MockTransport(self))


async def test_a_session_is_created_with_the_key_and_nothing_that_is_null():
    service = Service({"session_id": SESSION, "session_token": "session.token"})

    async with service.client() as liveavatar:
        token = await liveavatar.create_session_token(FullSession(avatar_id=AVATAR))

    assert token == TOKEN
    assert (service.request.method, service.request.url) == (
        "POST",
        "https://api.liveavatar.com/v1/sessions/token",
    )
    assert service.request.headers["x-api-key"] == "the-key"
    assert "authorization" not in service.request.headers
    assert service.body == {
        "mode": "FULL",
        "avatar_id": AVATAR,
        "avatar_persona": {"language": "en"},
        "interactivity_type": "CONVERSATIONAL",
        "is_sandbox": False,
        "video_settings": {"quality": "high", "encoding": "H264"},
    }


async def test_a_session_is_created_with_everything_in_its_documented_place():
    service = Service({"session_id": SESSION, "session_token": "session.token"})
    wish = FullSession(
        avatar_id=AVATAR,
        voice_id="v",
        context_id="c",
        language="de",
        quality=Quality.VERY_HIGH,
        encoding=Encoding.VP8,
        interactivity_type=Interactivity.PUSH_TO_TALK,
        is_sandbox=True,
        max_session_duration=600,
        llm_configuration_id="l",
        dynamic_variables={"name": "Ada"},
    )

    async with service.client() as liveavatar:
        await liveavatar.create_session_token(wish)

    assert service.body == {
        "mode": "FULL",
        "avatar_id": AVATAR,
        "avatar_persona": {"voice_id": "v", "context_id": "c", "language": "de"},
        "interactivity_type": "PUSH_TO_TALK",
        "is_sandbox": True,
        "video_settings": {"quality": "very_high", "encoding": "VP8"},
        "max_session_duration": 600,
        "llm_configuration_id": "l",
        "dynamic_variables": {"name": "Ada"},
    }


async def test_a_session_is_started_by_its_token_alone():
    service = Service(STARTED, status=201)

    async with service.client() as liveavatar:
        session = await liveavatar.start_session(TOKEN)

    assert service.request.url.path == "/v1/sessions/start"
    assert service.request.headers["authorization"] == "Bearer session.token"
    assert "x-api-key" not in service.request.headers
    assert service.body == {}
    assert (session.session_id, session.livekit_url) == (SESSION, "wss://room.example")
    assert (session.livekit_client_token, session.max_session_duration) == ("client.token", 60)
    assert (session.livekit_agent_token, session.ws_url) == (None, None)


async def test_a_start_without_its_optional_members_is_read():
    required = ("session_id", "livekit_url", "livekit_client_token")
    service = Service({name: STARTED[name] for name in required} | {"news": 1}, status=201)

    async with service.client() as liveavatar:
        session = await liveavatar.start_session(TOKEN)

    assert (session.livekit_agent_token, session.ws_url, session.max_session_duration) == (None, None, None)


@pytest.mark.parametrize("missing", ["session_id", "livekit_url", "livekit_client_token"])
@pytest.mark.parametrize("wrong", [None, "", 7, ["x"], {}])
async def test_a_start_without_a_way_into_the_room_is_garbled(missing, wrong):
    service = Service(STARTED | {missing: wrong}, status=201)

    async with service.client() as liveavatar:
        with pytest.raises(Garbled, match=missing):
            await liveavatar.start_session(TOKEN)


async def test_a_session_token_that_no_header_can_carry_is_garbled():
    service = Service({"session_id": SESSION, "session_token": "a\r\nX-Evil: 1"})

    async with service.client() as liveavatar:
        with pytest.raises(Garbled):
            await liveavatar.create_session_token(FullSession(avatar_id=AVATAR))


async def test_a_session_is_stopped_by_id_with_the_key():
    service = Service()

    async with service.client() as liveavatar:
        stopped = await liveavatar.stop_session(session_id=SESSION, reason=EndReason.IDLE_TIMEOUT)

    assert stopped is True
    assert service.request.url.path == "/v1/sessions/stop"
    assert service.request.headers["x-api-key"] == "the-key"
    assert service.body == {"session_id": SESSION, "reason": "IDLE_TIMEOUT"}


async def test_a_session_is_stopped_by_its_own_token():
    service = Service()

    async with service.client() as liveavatar:
        stopped = await liveavatar.stop_with_token(TOKEN)

    assert stopped is True
    assert service.request.headers["authorization"] == "Bearer session.token"
    assert "x-api-key" not in service.request.headers
    assert service.body == {"session_id": SESSION, "reason": "USER_CLOSED"}


async def test_stopping_a_session_that_is_gone_is_no_error():
    service = Service(status=404, code=4004)

    async with service.client() as liveavatar:
        stopped = await liveavatar.stop_session(session_id=SESSION)

    assert stopped is False


async def test_keep_alive_has_a_hyphen_and_names_the_session():
    service = Service()

    async with service.client() as liveavatar:
        await liveavatar.keep_alive(SESSION)

    assert service.request.url.path == "/v1/sessions/keep-alive"
    assert service.body == {"session_id": SESSION}


async def test_the_documented_success_code_is_accepted_too():
    service = Service({"credits_left": "12.50"}, code=100)

    async with service.client() as liveavatar:
        assert await liveavatar.credits() == Decimal("12.50")


@pytest.mark.parametrize(("sent", "credits"), [("12.50", "12.50"), (3, "3"), (0.1, "0.1"), ("-2", "-2")])
async def test_credits_are_exact_whether_sent_as_text_or_as_a_number(sent, credits):
    async with Service({"credits_left": sent}).client() as liveavatar:
        assert await liveavatar.credits() == Decimal(credits)


@pytest.mark.parametrize("sent", [None, True, "", "many", "NaN", "Infinity", "1e400", 10**30, [1]])
async def test_credits_that_are_no_sane_number_are_garbled(sent):
    async with Service({"credits_left": sent}).client() as liveavatar:
        with pytest.raises(Garbled, match="credits_left"):
            await liveavatar.credits()


async def test_sessions_are_read_with_whatever_the_service_leaves_out_or_adds():
    service = Service(
        {
            "count": 2,
            "next": None,
            "previous": None,
            "results": [
                {
                    "id": SESSION,
                    "created_at": "2026-11-20T10:00:00Z",
                    "updated_at": "2026-11-20T10:02:00",
                    "end_at": "2026-11-20T10:02:00+00:00",
                    "duration": 120,
                    "source": "API",
                    "mode": "LITE",
                    "is_sandbox": True,
                    "credits_consumed": 4.5,
                    "end_reason": "SOLAR_FLARE",
                },
                {"id": "other", "mode": "HOLOGRAM", "created_at": "yesterday", "duration": "long"},
            ],
        }
    )

    async with service.client() as liveavatar:
        full, bare = [session async for session in liveavatar.historic_sessions()]

    assert dict(service.request.url.params) == {"type": "historic", "page": "1", "page_size": "50"}
    assert full.mode is Mode.CUSTOM
    assert full.created_at == datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
    assert full.updated_at == full.ended_at == datetime(2026, 11, 20, 10, 2, tzinfo=UTC)
    assert (full.duration, full.credits_consumed) == (120, Decimal("4.5"))
    assert full.end_reason is EndReason.UNKNOWN
    assert (bare.session_id, bare.mode, bare.created_at, bare.duration) == ("other", None, None, None)
    assert (bare.end_reason, bare.is_sandbox) == (None, False)


@pytest.mark.parametrize(
    ("at_most", "expected", "pages"), [(1000, 120, 3), (70, 70, 2), (50, 50, 1), (3, 3, 1)]
)
async def test_pages_are_read_one_after_another_until_enough(at_most, expected, pages):
    asked = []

    def three_pages(request):
        page, size = int(request.url.params["page"]), int(request.url.params["page_size"])
        asked.append(page)
        numbers = range(120)[(page - 1) * size : page * size]
        following = "https://elsewhere.example/never-followed" if page * size < 120 else None
        results = [{"id": str(number)} for number in numbers]
        return httpx.Response(200, json={"code": 1000, "data": {"next": following, "results": results}})

    async with LiveAvatar("k", transport=httpx.MockTransport(three_pages)) as liveavatar:
        avatars = [avatar.avatar_id async for avatar in liveavatar.public_avatars(at_most=at_most)]

    assert avatars == [str(number) for number in range(expected)]
    assert asked == list(range(1, pages + 1))


async def test_a_list_that_never_ends_is_cut_off():
    service = Service({"next": "more", "results": [{"id": SESSION}] * 50})

    async with service.client() as liveavatar:
        sessions = [session async for session in liveavatar.active_sessions()]

    assert len(sessions) == 1000
    assert len(service.requests) == 20


async def test_an_avatar_is_read_and_a_preview_that_is_no_web_address_is_dropped():
    service = Service(
        {
            "id": AVATAR,
            "name": "Wayne",
            "status": "ACTIVE",
            "preview_url": "javascript:alert(1)",
            "default_voice": {"id": "v", "name": "Deep"},
        }
    )

    async with service.client() as liveavatar:
        avatar = await liveavatar.avatar(AVATAR)

    assert (avatar.name, avatar.type, avatar.is_usable) == ("Wayne", "VIDEO", True)
    assert avatar.preview_url is None
    assert avatar.default_voice == VoiceName("v", "Deep")


async def test_a_voice_is_read():
    service = Service({"id": "v", "name": "Deep", "language": "en", "gender": "male", "tags": ["calm", None]})

    async with service.client() as liveavatar:
        voice = await liveavatar.voice("v")

    assert (voice.name, voice.language, voice.gender, voice.tags) == ("Deep", "en", "male", ("calm",))


async def test_a_context_is_created_and_read_back():
    detail = {
        "id": "c",
        "name": "Shop",
        "prompt": "You sell ${thing}.",
        "opening_text": None,
        "links": [{"url": "https://shop.example", "faq": "prices", "id": "1"}],
        "required_dynamic_variables": ["thing"],
    }
    service = Service(detail)

    async with service.client() as liveavatar:
        context = await liveavatar.create_context(
            name="Shop", prompt="You sell ${thing}.", links=[Link("https://shop.example", "prices")]
        )

    assert service.body == {
        "name": "Shop",
        "prompt": "You sell ${thing}.",
        "opening_text": None,
        "links": [{"url": "https://shop.example", "faq": "prices"}],
    }
    assert context.links == (Link("https://shop.example", "prices"),)
    assert (context.opening_text, context.required_dynamic_variables) == (None, ("thing",))


async def test_a_transcript_is_asked_for_from_a_point_on():
    line = {"role": "avatar", "transcript": "Hi", "absolute_timestamp": 17, "relative_timestamp": 2}
    service = Service({"session_active": True, "next_timestamp": 18, "transcript_data": [line]})

    async with service.client() as liveavatar:
        transcript = await liveavatar.transcript(SESSION, start=5)

    assert service.request.url.path == f"/v1/sessions/{SESSION}/transcript"
    assert dict(service.request.url.params) == {"start_timestamp": "5"}
    assert (transcript.session_active, transcript.next_timestamp) == (True, 18)
    assert [(line.role, line.text, line.relative_timestamp) for line in transcript.lines] == [
        ("avatar", "Hi", 2)
    ]


async def test_a_transcript_survives_what_a_database_could_not_store():
    line = {"role": "user", "transcript": "a\0b\ud800c"}
    service = Service({"transcript_data": [line]})
    service.response = json.loads(json.dumps(service.response))

    def escaped(request):
        return httpx.Response(200, content=json.dumps(service.response).encode())

    async with LiveAvatar("k", transport=httpx.MockTransport(escaped)) as liveavatar:
        transcript = await liveavatar.transcript(SESSION)

    assert transcript.lines[0].text == "a\N{REPLACEMENT CHARACTER}b?c"


async def test_deleting_events_accepts_an_answer_without_a_body():
    requests = []

    def gone(request):
        requests.append(request)
        return httpx.Response(204)

    async with LiveAvatar("k", transport=httpx.MockTransport(gone)) as liveavatar:
        await liveavatar.delete_events(SESSION)

    assert [(request.method, request.url.path) for request in requests] == [
        ("DELETE", f"/v1/sessions/{SESSION}/events")
    ]


async def test_languages_are_read():
    service = Service([{"language": "English", "code": "en"}, {"code": "de"}])

    async with service.client() as liveavatar:
        languages = await liveavatar.languages()

    assert [(language.code, language.name) for language in languages] == [("en", "English"), ("de", "de")]


@pytest.mark.parametrize("identifier", ["../credits", "a/b?c#d", "%2e%2e"])
async def test_an_id_cannot_leave_its_place_in_the_path(identifier):
    service = Service({"id": "x"})

    async with service.client() as liveavatar:
        await liveavatar.voice(identifier)

    path = service.request.url.raw_path.decode()
    assert path.startswith("/v1/voices/")
    assert not set("/?#") & set(path.removeprefix("/v1/voices/"))


@pytest.mark.parametrize("identifier", ["", ".", ".."])
async def test_what_no_id_can_be_is_refused_before_it_is_sent(identifier):
    service = Service()

    async with service.client() as liveavatar:
        with pytest.raises(ValueError, match="UUID"):
            await liveavatar.session(identifier)

    assert service.requests == []


async def test_cookies_of_the_service_are_not_sent_back():
    requests = []

    def baker(request):
        requests.append(request)
        return httpx.Response(
            200, json={"code": 1000, "data": None}, headers={"Set-Cookie": "la_session=1; Path=/"}
        )

    async with LiveAvatar("k", transport=httpx.MockTransport(baker)) as liveavatar:
        await liveavatar.keep_alive(SESSION)
        await liveavatar.keep_alive(SESSION)

    assert ["cookie" in request.headers for request in requests] == [False, False]


@pytest.mark.parametrize(
    ("base_url", "sent_to"),
    [
        ("http://127.0.0.1:8700", "http://127.0.0.1:8700/v1/sessions/keep-alive"),
        ("http://127.0.0.1:8700/", "http://127.0.0.1:8700/v1/sessions/keep-alive"),
        ("https://gate.example/liveavatar/", "https://gate.example/liveavatar/v1/sessions/keep-alive"),
    ],
)
async def test_the_base_url_may_be_another_place(base_url, sent_to):
    service = Service()

    async with LiveAvatar("k", base_url, transport=httpx.MockTransport(service)) as liveavatar:
        await liveavatar.keep_alive(SESSION)

    assert service.request.url == sent_to


@pytest.mark.parametrize(
    "base_url",
    ["", "api.liveavatar.com", "ftp://x", "https://", "https://u:p@x", "https://x?y=1", "http://x:port"],
)
def test_a_base_url_that_is_none_is_refused(base_url):
    with pytest.raises(ValueError, match="base URL"):
        LiveAvatar("k", base_url)


def test_the_word_for_custom_mode_can_be_changed_for_an_older_service():
    assert Mode.CUSTOM.wire_name() == "LITE"
    assert Mode.CUSTOM.wire_name("CUSTOM") == "CUSTOM"
    assert Mode.FULL.wire_name("CUSTOM") == "FULL"


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"end_reason": "NO_CREDITS"}, "NO_CREDITS"),
        ({"stop_reason": "NO_CREDITS"}, "NO_CREDITS"),
        ({"end_reason": None, "stop_reason": "IDLE_TIMEOUT"}, "IDLE_TIMEOUT"),
        ({"end_reason": 5}, None),
        ({}, None),
    ],
)
def test_the_end_reason_is_found_under_both_of_its_names(event, reason):
    assert end_reason_of(event) == reason
