"""The simulator's rate limit."""

from hypothesis import given
from hypothesis import strategies as st

from rigs.services.simulated_service import KEY, simulated_service
from simulator.rest.rate_limit import RateLimit

LIMITS = {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}


async def test_requests_beyond_the_limit_are_refused_with_retry_after() -> None:
    async with simulated_service(rate_limit=2) as service:
        responses = [
            await service.http.get("/v1/languages", headers={"Origin": "http://page"}) for _ in range(40)
        ]

    refused = next(response for response in responses if response.status_code == 429)
    assert refused.json()["code"] == 4029
    assert "2 requests a second" in refused.json()["message"]
    assert refused.headers["Retry-After"] == refused.headers["X-RateLimit-Reset"] == "1"
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    exposed = refused.headers["Access-Control-Expose-Headers"].split(", ")
    assert {*LIMITS, "Retry-After"} == set(exposed)


async def test_every_answer_of_a_limited_endpoint_names_the_remaining_requests() -> None:
    async with simulated_service(rate_limit=50) as service:
        answers = [
            await service.http.get("/v1/users/credits", headers=KEY),
            await service.http.get("/v1/users/credits"),
            await service.http.get("/v1/avatars/nonsense", headers=KEY),
            await service.http.post("/v1/sessions/start"),
        ]
        unlimited = await service.http.get("/openapi.json")

    for answer in answers:
        assert answer.headers["X-RateLimit-Limit"] == "50"
        assert 0 < int(answer.headers["X-RateLimit-Remaining"]) < 50
        assert answer.headers["X-RateLimit-Reset"] == "1"
        assert "Retry-After" not in answer.headers
    assert not LIMITS & set(unlimited.headers)


async def test_without_a_limit_there_are_no_rate_limit_headers() -> None:
    async with simulated_service(rate_limit=0) as service:
        answers = [await service.http.get("/v1/languages") for _ in range(300)]

    assert {answer.status_code for answer in answers} == {200}
    assert not any("X-RateLimit-Limit" in answer.headers for answer in answers)


def test_each_caller_and_endpoint_has_its_own_count_per_second() -> None:
    seconds = 0.0
    limit = RateLimit(2, lambda: seconds)

    first = [limit.left("key", "GET /v1/contexts") for _ in range(3)]
    others = [limit.left("other", "GET /v1/contexts"), limit.left("key", "POST /v1/contexts")]
    seconds = 1.0
    later = limit.left("key", "GET /v1/contexts")

    assert first == [1, 0, -1]
    assert others == [1, 1]
    assert later == 1


@given(st.lists(st.floats(0, 100), max_size=200), st.integers(1, 5))
def test_no_window_allows_more_than_the_limit(moments: list[float], most: int) -> None:
    clock = iter(sorted(moments))
    limit = RateLimit(most, lambda: next(clock))

    allowed = [int(moment) for moment in sorted(moments) if limit.left("key", "GET /") >= 0]

    assert all(allowed.count(window) <= most for window in allowed)
    assert {int(moment) for moment in moments} == set(allowed)
