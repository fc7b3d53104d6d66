"""`/v1/users/credits` and `/v1/feedback/agents`."""

import logging

from aiohttp import web

from simulator.rest.account import owned_account
from simulator.rest.edge import success
from simulator.rest.endpoints import Endpoint
from simulator.rest.fields import Fields, read_json
from simulator.rest.schema import TEXT, answer, body, nullable

logger = logging.getLogger(__name__)

CREDITS = answer("Credits", credits_left={**TEXT, "pattern": r"^\d+(\.\d+)?$"})
FEEDBACK = body(
    "Feedback",
    ("feedback_data",),
    feedback_data=body(
        "FeedbackData",
        use_case=nullable(TEXT),
        blockers=nullable(TEXT),
        additional_feedback=nullable(TEXT),
    ),
)


def endpoints() -> tuple[Endpoint, ...]:
    return (
        Endpoint("GET", "/v1/users/credits", show_credits, "Show the remaining credits", CREDITS),
        Endpoint("POST", "/v1/feedback/agents", feed_back, "Give feedback", body=FEEDBACK),
    )


async def show_credits(request: web.Request) -> web.Response:
    return success({"credits_left": f"{owned_account(request).credits.left:f}"})


async def feed_back(request: web.Request) -> web.Response:
    """Log the feedback, so that the simulator's operator can read it."""
    owned_account(request)
    fields = Fields(await read_json(request))
    data = fields.inner("feedback_data")
    if data is None:
        fields.problem("Field required", "feedback_data")
        data = Fields({}, problems=fields.problems)
    given = {name: data.optional_text(name) for name in ("use_case", "blockers", "additional_feedback")}
    fields.check()
    logger.info("feedback: %s", {name: text for name, text in given.items() if text})
    return success()
