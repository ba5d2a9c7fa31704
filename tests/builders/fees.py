"""Services as the billing of fees knows them."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from netbilld.billing.charges import BilledShare, FeeCharges, FeeFacts, fee_charges
from netbilld.billing.fee_days import fee_stretches
from netbilld.billing.plan import Plan, Timing
from netbilld.billing.terms import Stop, Terms

SERVICE = UUID(int=1)


def facts(
    plans: Mapping[UUID, Plan],
    terms: Sequence[Terms],
    *,
    stops: Sequence[Stop] = (),
    billing_day: int = 1,
    ends_on: date | None = None,
    **more: Any,
) -> FeeFacts:
    """Return a service that is active from the first day of its terms."""
    activated_on = terms[0].from_on
    stretches = fee_stretches(
        terms, stops, plans, timing=Timing.POSTPAID, activated_on=activated_on, ends_on=ends_on, **more
    )
    return FeeFacts(SERVICE, stretches, billing_day, activated_on, ends_on)


class Billed:
    """A service's fees, billed run by run."""

    def __init__(self) -> None:
        self.rows: list[BilledShare] = []

    def run(self, known: FeeFacts, as_of: date) -> FeeCharges:
        charges = fee_charges(known, self.rows, as_of)
        self.rows += charges.billed
        return charges

    def amounts(self, known: FeeFacts, as_of: date) -> list[int]:
        return [line.amount_minor for line in self.run(known, as_of).lines]

    @property
    def total_minor(self) -> int:
        return sum(row.amount_minor for row in self.rows)
