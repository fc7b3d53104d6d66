"""What the client sends for each call, and how it reads the answers."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest

from liveavatar import (
    CustomSession,
    Encoding,
    EndReason,
    FullSession,
    Garbled,
    Interactivity,
    Link,
    LiveAvatar,
    Mode,
    OwnRoom,
    Quality,
    SessionToken,
    VoiceName,
)
from liveavatar.vocabulary import end_reason_of

SESSION = "3f1c8f5e-58a5-4b55-9d2b-0c5d5f1f6b11"
AVATAR = "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a"
TOKEN = SessionToken(session_id=SESSION, session_token="session.token")
STARTED = {
    "session_id": SESSION,
    "livekit_url": "wss://room.example",
    "livekit_client_token": "client.token",
    "livekit_agent_token": None,
    "max_session_duration": 60,
    "ws_url": None,
}


class OneAnswer:
    """A vendor that gives one answer to every request, and keeps the requests."""

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
    vendor = OneAnswer({"session_id": SESSION, "session_token": "session.token"})

    async with vendor.client() as liveavatar:
        token = await liveavatar.create_session_token(FullSession(avatar_id=AVATAR))

    assert token == TOKEN
    assert (vendor.request.method, vendor.request.url) == (
        "POST",
        "https://api.liveavatar.com/v1/sessions/token",
    )
    assert vendor.request.headers["x-api-key"] == "the-key"
    assert "authorization" not in vendor.request.headers
    assert vendor.body == {
        "mode": "FULL",
        "avatar_id": AVATAR,
        "avatar_persona": {"language": "en"},
        "interactivity_type": "CONVERSATIONAL",
        "is_sandbox": False,
        "video_settings": {"quality": "high", "encoding": "H264"},
    }


async def test_a_session_is_created_with_everything_in_its_documented_place():
    vendor = OneAnswer({"session_id": SESSION, "session_token": "session.token"})
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

    async with vendor.client() as liveavatar:
        await liveavatar.create_session_token(wish)

    assert vendor.body == {
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
    vendor = OneAnswer(STARTED, status=201)

    async with vendor.client() as liveavatar:
        session = await liveavatar.start_session(TOKEN)

    assert vendor.request.url.path == "/v1/sessions/start"
    assert vendor.request.headers["authorization"] == "Bearer session.token"
    assert "x-api-key" not in vendor.request.headers
    assert vendor.body == {}
    assert (session.session_id, session.livekit_url) == (SESSION, "wss://room.example")
    assert (session.livekit_client_token, session.max_session_duration) == ("client.token", 60)
    assert (session.livekit_agent_token, session.ws_url) == (None, None)


async def test_a_start_without_its_optional_members_is_read():
    required = ("session_id", "livekit_url", "livekit_client_token")
    vendor = OneAnswer({name: STARTED[name] for name in required} | {"news": 1}, status=201)

    async with vendor.client() as liveavatar:
        session = await liveavatar.start_session(TOKEN)

    assert (session.livekit_agent_token, session.ws_url, session.max_session_duration) == (None, None, None)


WS_URL = "wss://media.example/secret"


@pytest.mark.parametrize("ws_url", [None, WS_URL])
@pytest.mark.parametrize("missing", ["session_id", "livekit_url", "livekit_client_token"])
@pytest.mark.parametrize("wrong", [None, "", 7, ["x"], {}])
async def test_a_start_without_a_way_into_the_room_is_an_error(missing, wrong, ws_url):
    vendor = OneAnswer(STARTED | {"ws_url": ws_url, missing: wrong}, status=201)

    async with vendor.client() as liveavatar:
        with pytest.raises(Garbled, match=missing):
            await liveavatar.start_session(TOKEN)


async def test_a_room_address_longer_than_a_database_stores_is_an_error():
    vendor = OneAnswer(STARTED | {"livekit_url": "wss://" + "r" * 500}, status=201)

    async with vendor.client() as liveavatar:
        with pytest.raises(Garbled, match="livekit_url"):
            await liveavatar.start_session(TOKEN)


async def start_in_own_room(ws_url):
    """Create a session in a room of ours, and start it: such a start answers without a room."""
    answers = {
        "/v1/sessions/token": {"session_id": SESSION, "session_token": "session.token", "in_own_room": False},
        "/v1/sessions/start": {"session_id": SESSION, "livekit_url": None, "ws_url": ws_url},
    }

    def vendor(request):
        return httpx.Response(200, json={"code": 1000, "data": answers[request.url.path]})

    room = OwnRoom("wss://ours.example", "room", "avatar.token")
    async with LiveAvatar("k", transport=httpx.MockTransport(vendor)) as liveavatar:
        token = await liveavatar.create_session_token(CustomSession(avatar_id=AVATAR, own_room=room))
        return await liveavatar.start_session(token)


async def test_a_start_in_a_room_of_ours_needs_no_address_of_a_room():
    session = await start_in_own_room(WS_URL)

    assert (session.livekit_url, session.livekit_client_token, session.ws_url) == (None, None, WS_URL)


@pytest.mark.parametrize("missing", [None, "", 7])
async def test_a_start_in_a_room_of_ours_without_the_media_websocket_is_an_error(missing):
    with pytest.raises(Garbled, match="ws_url"):
        await start_in_own_room(missing)


@pytest.mark.parametrize("field", ["session_id", "session_token"])
@pytest.mark.parametrize("wrong", [None, "", 7, {}])
async def test_a_token_answer_without_its_parts_is_an_error(field, wrong):
    vendor = OneAnswer({"session_id": SESSION, "session_token": "session.token"} | {field: wrong})

    async with vendor.client() as liveavatar:
        with pytest.raises(Garbled, match=field):
            await liveavatar.create_session_token(FullSession(avatar_id=AVATAR))


async def test_a_session_id_longer_than_a_database_stores_is_an_error():
    vendor = OneAnswer({"session_id": "s" * 65, "session_token": "session.token"})

    async with vendor.client() as liveavatar:
        with pytest.raises(Garbled, match="session_id"):
            await liveavatar.create_session_token(FullSession(avatar_id=AVATAR))


async def test_a_session_token_that_no_header_can_carry_is_garbled():
    vendor = OneAnswer({"session_id": SESSION, "session_token": "a\r\nX-Evil: 1"})

    async with vendor.client() as liveavatar:
        with pytest.raises(Garbled, match=r"session_token \(unfit_for_a_header\)"):
            await liveavatar.create_session_token(FullSession(avatar_id=AVATAR))


async def test_a_session_is_stopped_by_id_with_the_key():
    vendor = OneAnswer()

    async with vendor.client() as liveavatar:
        stopped = await liveavatar.stop_session(session_id=SESSION, reason=EndReason.IDLE_TIMEOUT)

    assert stopped is True
    assert vendor.request.url.path == "/v1/sessions/stop"
    assert vendor.request.headers["x-api-key"] == "the-key"
    assert vendor.body == {"session_id": SESSION, "reason": "IDLE_TIMEOUT"}


async def test_stopping_a_session_that_is_gone_is_no_error():
    vendor = OneAnswer(status=404, code=4004)

    async with vendor.client() as liveavatar:
        stopped = await liveavatar.stop_session(session_id=SESSION)

    assert stopped is False


async def test_keep_alive_has_a_hyphen_and_names_the_session():
    vendor = OneAnswer()

    async with vendor.client() as liveavatar:
        await liveavatar.keep_alive(SESSION)

    assert vendor.request.url.path == "/v1/sessions/keep-alive"
    assert vendor.body == {"session_id": SESSION}


@pytest.mark.parametrize("code", [1000, 100])
async def test_both_success_codes_are_accepted(code):
    vendor = OneAnswer({"credits_left": "12.50"}, code=code)

    async with vendor.client() as liveavatar:
        assert await liveavatar.credits() == Decimal("12.50")


@pytest.mark.parametrize(("sent", "credits"), [("12.50", "12.50"), (3, "3"), (0.1, "0.1"), ("-2", "-2")])
async def test_credits_are_exact_whether_sent_as_text_or_as_a_number(sent, credits):
    async with OneAnswer({"credits_left": sent}).client() as liveavatar:
        assert await liveavatar.credits() == Decimal(credits)


@pytest.mark.parametrize("sent", [None, True, "", "many", "NaN", "Infinity", "1e400", 10**30, [1]])
async def test_credits_that_are_no_number_of_a_storable_size_are_garbled(sent):
    async with OneAnswer({"credits_left": sent}).client() as liveavatar:
        with pytest.raises(Garbled, match="credits_left"):
            await liveavatar.credits()


async def test_sessions_are_read_whatever_the_vendor_leaves_out_or_adds():
    vendor = OneAnswer(
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

    async with vendor.client() as liveavatar:
        full, bare = [session async for session in liveavatar.active_sessions()]

    assert dict(vendor.request.url.params) == {"type": "active", "page": "1", "page_size": "50"}
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


async def test_an_endless_list_is_cut_off():
    vendor = OneAnswer({"next": "more", "results": [{"id": SESSION}] * 50})

    async with vendor.client() as liveavatar:
        sessions = [session async for session in liveavatar.active_sessions()]

    assert len(sessions) == 1000
    assert len(vendor.requests) == 20


async def avatars(*entries):
    async with OneAnswer({"next": None, "results": list(entries)}).client() as liveavatar:
        return [avatar async for avatar in liveavatar.avatars()]


async def test_an_avatar_is_read():
    voice = {"id": "v", "name": "Deep"}

    [avatar] = await avatars({"id": AVATAR, "name": "Wayne", "status": "ACTIVE", "default_voice": voice})

    assert (avatar.name, avatar.type, avatar.is_usable) == ("Wayne", "VIDEO", True)
    assert avatar.default_voice == VoiceName(voice_id="v", name="Deep")


async def test_words_that_the_vendor_invents_later_are_kept():
    [avatar] = await avatars({"id": AVATAR, "type": "HOLOGRAM", "status": "WARMING_UP"})

    assert (avatar.type, avatar.status, avatar.is_usable) == ("HOLOGRAM", "WARMING_UP", False)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "//x", 7, "https://x/" + "y" * 991])
async def test_a_preview_that_is_no_web_address_of_a_storable_length_is_dropped(url):
    [avatar] = await avatars({"id": AVATAR, "preview_url": url})

    assert avatar.preview_url is None


async def test_names_and_addresses_are_bounded_to_what_a_database_stores():
    url = "https://x/" + "y" * 990

    [avatar] = await avatars({"id": "i" * 64, "name": "n" * 300, "preview_url": url})

    assert (avatar.avatar_id, avatar.name, avatar.preview_url) == ("i" * 64, "n" * 200, url)


@pytest.mark.parametrize("voice", [{}, {"id": None}, {"id": ""}, {"id": 7}, {"id": "v" * 65}, "Deep", []])
async def test_an_avatar_with_an_odd_voice_is_listed_without_it_and_a_warning_says_so(voice, caplog):
    odd, fine = await avatars({"id": "odd", "default_voice": voice}, {"id": "fine"})

    assert (odd.avatar_id, odd.default_voice, fine.avatar_id) == ("odd", None, "fine")
    assert "GET /v1/avatars: left out 1 unreadable part of the answer: default_voice" in caplog.text


@pytest.mark.parametrize(
    "entry", [None, "Wayne", [], {}, {"id": None}, {"id": ""}, {"id": 7}, {"id": "i" * 65}]
)
async def test_an_odd_entry_costs_no_other_and_a_warning_says_so(entry, caplog):
    [avatar] = await avatars(entry, {"id": AVATAR})

    assert avatar.avatar_id == AVATAR
    assert "GET /v1/avatars: left out 1 unreadable part of the answer: results" in caplog.text


@pytest.mark.parametrize("following", ["", None, 7, []])
async def test_only_an_address_is_a_next_page(following):
    vendor = OneAnswer({"next": following, "results": [{"id": AVATAR}]})

    async with vendor.client() as liveavatar:
        found = [avatar async for avatar in liveavatar.public_avatars()]

    assert (len(found), len(vendor.requests)) == (1, 1)


async def test_a_page_of_odd_entries_is_not_the_last_one():
    pages = [
        {"next": "https://x/?page=2", "results": [{"id": None}]},
        {"next": None, "results": [{"id": AVATAR}]},
    ]

    def two_pages(request):
        page = pages[int(request.url.params["page"]) - 1]
        return httpx.Response(200, json={"code": 1000, "data": page})

    async with LiveAvatar("k", transport=httpx.MockTransport(two_pages)) as liveavatar:
        found = [avatar.avatar_id async for avatar in liveavatar.avatars()]

    assert found == [AVATAR]


async def test_a_voice_is_read():
    entry = {"id": "v", "name": "Deep", "language": "en", "gender": "male", "tags": ["calm", None]}
    vendor = OneAnswer({"results": [entry]})

    async with vendor.client() as liveavatar:
        [voice] = [voice async for voice in liveavatar.voices()]

    assert (voice.name, voice.language, voice.gender, voice.tags) == ("Deep", "en", "male", ("calm",))


async def test_a_context_is_read():
    vendor = OneAnswer(
        {
            "id": "c",
            "name": "Shop",
            "prompt": "You sell ${thing}.",
            "opening_text": None,
            "links": [{"url": "https://shop.example", "faq": "prices", "id": "1"}, "odd"],
            "required_dynamic_variables": ["thing"],
        }
    )

    async with vendor.client() as liveavatar:
        context = await liveavatar.context("c")

    assert vendor.request.url.path == "/v1/contexts/c"
    assert context.prompt == "You sell ${thing}."
    assert context.links == (Link(url="https://shop.example", faq="prices"),)
    assert (context.opening_text, context.required_dynamic_variables) == (None, ("thing",))


async def test_a_transcript_is_read_from_a_timestamp_on():
    line = {"role": "avatar", "transcript": "Hi", "absolute_timestamp": 17, "relative_timestamp": 2}
    vendor = OneAnswer({"session_active": True, "next_timestamp": 18, "transcript_data": [line]})

    async with vendor.client() as liveavatar:
        transcript = await liveavatar.transcript(SESSION, start=5)

    assert vendor.request.url.path == f"/v1/sessions/{SESSION}/transcript"
    assert dict(vendor.request.url.params) == {"start_timestamp": "5"}
    assert (transcript.session_active, transcript.next_timestamp) == (True, 18)
    assert [(line.role, line.text, line.relative_timestamp) for line in transcript.lines] == [
        ("avatar", "Hi", 2)
    ]


async def test_characters_that_a_database_cannot_store_are_replaced():
    line = {"role": "user", "transcript": "a\0b\ud800c"}
    vendor = OneAnswer({"transcript_data": [line]})
    vendor.response = json.loads(json.dumps(vendor.response))

    def escaped(request):
        return httpx.Response(200, content=json.dumps(vendor.response).encode())

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
    vendor = OneAnswer([{"language": "English", "code": "en"}, {"code": "de"}])

    async with vendor.client() as liveavatar:
        languages = await liveavatar.languages()

    assert [(language.code, language.name) for language in languages] == [("en", "English"), ("de", "de")]


@pytest.mark.parametrize("identifier", ["../credits", "a/b?c#d", "%2e%2e"])
async def test_an_id_stays_one_segment_of_the_path(identifier):
    vendor = OneAnswer({"id": "x"})

    async with vendor.client() as liveavatar:
        await liveavatar.context(identifier)

    path = vendor.request.url.raw_path.decode()
    assert path.startswith("/v1/contexts/")
    assert not set("/?#") & set(path.removeprefix("/v1/contexts/"))


@pytest.mark.parametrize("identifier", ["", ".", ".."])
async def test_text_that_cannot_be_an_id_is_refused_before_it_is_sent(identifier):
    vendor = OneAnswer()

    async with vendor.client() as liveavatar:
        with pytest.raises(ValueError, match="UUID"):
            await liveavatar.session(identifier)

    assert vendor.requests == []


async def test_cookies_of_the_vendor_are_not_sent_back():
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
    vendor = OneAnswer()

    async with LiveAvatar("k", base_url, transport=httpx.MockTransport(vendor)) as liveavatar:
        await liveavatar.keep_alive(SESSION)

    assert vendor.request.url == sent_to


@pytest.mark.parametrize(
    "base_url",
    ["", "api.liveavatar.com", "ftp://x", "https://", "https://u:p@x", "https://x?y=1", "http://x:port"],
)
def test_text_that_is_no_base_url_is_refused(base_url):
    with pytest.raises(ValueError, match="base URL"):
        LiveAvatar("k", base_url)


def test_the_word_for_custom_mode_can_be_changed_for_an_older_vendor():
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
