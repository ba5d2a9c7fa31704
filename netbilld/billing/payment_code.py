"""Kode unik: a few rupiah on top of what is open, so that a transfer tells by its amount which invoice it is for."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from netbilld.model.errors import RefusedError

LARGEST_CODE: Final = 999


@dataclass(frozen=True, slots=True)
class PaymentCode:
    """An amount that is one invoice's for a while; what the code adds becomes credit in the wallet when it is paid."""

    invoice_id: UUID
    invoice_number: str
    subscriber_id: UUID
    code: int
    amount_minor: int
    currency: str
    status: str  # open, used, over
    created_at: datetime
    expires_at: datetime

    def is_open(self, now: datetime) -> bool:
        """Tell whether a transfer of its amount is taken for its invoice without asking."""
        return self.status == "open" and now < self.expires_at


def choose_code(outstanding_minor: int, taken: Collection[int], resting: Collection[int] = ()) -> int:
    """Return the smallest code from 1 to 999 whose amount is nobody else's.

    Args:
        outstanding_minor: what is open on the invoice.
        taken: amounts that are another's: open codes, and what is open on other invoices.
        resting: amounts that were another's until lately, taken again only where no other is left.

    Raises:
        RefusedError: all 999 are taken.
    """
    free = [code for code in range(1, LARGEST_CODE + 1) if outstanding_minor + code not in taken]
    if not free:
        raise RefusedError(
            f"all {LARGEST_CODE} unique amounts above {outstanding_minor} are given out",
            hint="wait until some are paid or expire, or have this one pay with a reference",
            code="codes_exhausted",
        )
    return next((code for code in free if outstanding_minor + code not in resting), free[0])
