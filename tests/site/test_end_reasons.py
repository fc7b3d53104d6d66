"""The end reasons: the vendor's, ours, and what visitors and the vendor read of them."""

import pytest

from liveavatar import EndReason as VendorEndReason
from sessions_app.end_reasons import TO_VISITORS, EndReason, known_reason, reason_for_vendor


def test_every_reason_has_words_for_visitors() -> None:
    assert set(TO_VISITORS) == set(EndReason)


def test_the_vendor_gets_only_reasons_of_its_own() -> None:
    assert {reason_for_vendor(reason) for reason in EndReason} <= {reason.value for reason in VendorEndReason}


@pytest.mark.parametrize("reason", ["NO_CREDITS", "MAX_DURATION_REACHED"])
def test_the_vendors_own_reason_is_kept_both_ways(reason: str) -> None:
    assert known_reason(reason) == EndReason(reason)
    assert reason_for_vendor(EndReason(reason)) == reason


@pytest.mark.parametrize("text", ["SOLAR_FLARE", "", None, 7, ["NO_CREDITS"]])
def test_an_undocumented_reason_is_unknown(text: object) -> None:
    assert known_reason(text) == EndReason.UNKNOWN


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (EndReason.PAGE_CLOSED, "USER_DISCONNECTED"),
        (EndReason.ROOM_LOST, "USER_DISCONNECTED"),
        (EndReason.CANCELLED, "USER_CLOSED"),
        (EndReason.STAFF, "USER_CLOSED"),
        (EndReason.SITE_STOPPED, "UNKNOWN"),
    ],
)
def test_a_reason_of_ours_reaches_the_vendor_as_its_nearest_one(reason: EndReason, told: str) -> None:
    assert reason_for_vendor(reason) == told
