"""The account's credits. Sessions pay by the minute, in advance (LiveAvatar docs, faq/credits)."""

from decimal import Decimal

from simulator.store import Store

PER_MINUTE = {"FULL": Decimal(2), "LITE": Decimal(1)}
OF_A_NEW_ACCOUNT = Decimal(1000)


class Credits:
    """What is left is kept in `store`; `begin_with` replaces what was left there."""

    def __init__(self, store: Store, begin_with: Decimal | None = None) -> None:
        self._store = store
        kept = store.value("credits")
        self.left = OF_A_NEW_ACCOUNT if kept is None else Decimal(kept)
        if begin_with is not None:
            self.refill(begin_with)

    def charge(self, amount: Decimal) -> bool:
        """Take `amount`; False, and nothing taken, when less than that is left."""
        if amount > self.left:
            return False
        self.refill(self.left - amount)
        return True

    def refund(self, amount: Decimal) -> None:
        self.refill(self.left + amount)

    def refill(self, left: Decimal) -> None:
        """From now on, `left` are left."""
        self.left = left
        self._store.keep_value("credits", str(left))
