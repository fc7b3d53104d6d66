"""The account's credits. Each minute of a session is charged when it begins (LiveAvatar docs, faq/credits)."""

from decimal import Decimal

from simulator.store import Store

PER_MINUTE = {"FULL": Decimal(2), "LITE": Decimal(1)}
OF_A_NEW_ACCOUNT = Decimal(1000)


class Credits:
    """The balance, kept in `store`. `begin_with` replaces the stored balance."""

    def __init__(self, store: Store, begin_with: Decimal | None = None) -> None:
        self._store = store
        kept = store.value("credits")
        self.left = OF_A_NEW_ACCOUNT if kept is None else Decimal(kept)
        if begin_with is not None:
            self.refill(begin_with)

    def charge(self, amount: Decimal) -> bool:
        """Deduct `amount`. Return False, and deduct nothing, when the balance is lower."""
        if amount > self.left:
            return False
        self.refill(self.left - amount)
        return True

    def refund(self, amount: Decimal) -> None:
        self.refill(self.left + amount)

    def refill(self, left: Decimal) -> None:
        """Set the balance to `left`."""
        self.left = left
        self._store.keep_value("credits", str(left))
