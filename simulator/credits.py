"""The account's credits. Sessions pay by the minute, in advance (LiveAvatar docs, faq/credits)."""

from decimal import Decimal

PER_MINUTE = {"FULL": Decimal(2), "LITE": Decimal(1)}


class Credits:
    def __init__(self, left: Decimal) -> None:
        self.left = left

    def charge(self, amount: Decimal) -> bool:
        """Take `amount`; False, and nothing taken, when less than that is left."""
        if amount > self.left:
            return False
        self.left -= amount
        return True

    def refund(self, amount: Decimal) -> None:
        self.left += amount
