"""What a buyer keeps of an invoice and pays to the tax office instead: PPh 23, and PPN by appointed collectors."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from netbilld.billing.invoice import Invoice
from netbilld.model.units import half_up

PPH23_RATE: Final = Fraction(2, 100)  # services; a setting replaces it
COLLECTOR_CODES: Final = frozenset({"02", "03"})  # government treasurers, other appointed collectors: they keep the PPN

_PRICES: Final = frozenset({"revenue", "discounts"})  # sorts of accounts


@dataclass(frozen=True, slots=True)
class Withheld:
    """What is kept, in minor units; proofs (*bukti potong*) follow with number and date."""

    pph23_minor: int
    ppn_minor: int

    @property
    def total_minor(self) -> int:
        return self.pph23_minor + self.ppn_minor


def withheld(
    net_minor: int, tax_minor: int, *, pph23: bool, trx_code: str | None, rate: Fraction = PPH23_RATE
) -> Withheld:
    """Return what a buyer keeps of a document.

    Args:
        net_minor: the price without tax, of services.
        tax_minor: its PPN.
        pph23: the buyer withholds PPh 23.
        trx_code: of the buyer's faktur; a collector keeps the PPN too.
        rate: of PPh 23, of the net price.
    """
    kept_minor = half_up(net_minor * rate.numerator, rate.denominator) if pph23 and net_minor > 0 else 0
    return Withheld(kept_minor, tax_minor if trx_code in COLLECTOR_CODES and tax_minor > 0 else 0)


def withheld_of(invoice: Invoice, rate: Fraction = PPH23_RATE) -> Withheld:
    """Return what the buyer of an issued invoice keeps of it, by what was known of the buyer then.

    Deposits, stamp duty, late fees and opening balances are no price of a service.
    """
    net_minor = sum(line.net_minor for line in invoice.lines if line.revenue.partition(":")[0] in _PRICES)
    return withheld(
        net_minor,
        invoice.tax_minor,
        pph23=bool(invoice.buyer.get("withholds_pph23")),
        trx_code=invoice.buyer.get("trx_code"),
        rate=rate,
    )
