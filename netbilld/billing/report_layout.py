"""How a gateway writes its reports of payments and payouts: which column is what, and which rows count."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from netbilld.model.errors import InvalidInputError

_MARKS: Final = (".", ",")
_LISTS: Final = frozenset(("fee", "taken", "payments", "refunds", "date_formats"))


@dataclass(frozen=True, slots=True)
class ReportLayout:
    """A layout of CSV reports; columns are named by their headings, several that may be with `|` between.

    Attributes:
        ref: our own name of a payment.
        transaction: the gateway's; where a file has no such column, payments are known by `ref` alone.
        fee: columns that are added up, such as the fee and the tax on it, whatever their sign.
        refunded: given back of the payment, where its own row says so.
        payout: what it was paid out with.
        settled_on: the day of that.
        status: a column; rows whose word is not among `taken` are left out, where any are named.
        kind: a column that tells rows apart: those of `refunds` give back of the payment of the same name, and where
            `payments` are named, rows of any other kind are left out.
        decimal: the mark before decimals; the other one stands between thousands.
        date_formats: as strptime takes them; a time after the day may stand there.
    """

    ref: str = "ref"
    transaction: str = "transaction"
    amount: str = "amount"
    fee: tuple[str, ...] = ("fee",)
    refunded: str = "refunded"
    payout: str = "payout"
    settled_on: str = "settled_on"
    status: str = ""
    taken: tuple[str, ...] = ()
    kind: str = ""
    payments: tuple[str, ...] = ()
    refunds: tuple[str, ...] = ("REFUND",)
    decimal: str = "."
    date_formats: tuple[str, ...] = ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d %b %Y", "%Y/%m/%d")


# Our own names of columns first, then those that the gateways' calls and documents use. Their dashboards change: what
# a report of yours is called otherwise, `gateways.reports` says.
LAYOUTS: Final[Mapping[str, ReportLayout]] = {
    "midtrans": ReportLayout(
        ref="ref|order id|order_id",
        transaction="transaction|transaction id|transaction_id",
        amount="amount|gross amount|gross_amount|transaction amount",
        fee=("fee|mdr|total fee|mdr fee", "vat|ppn"),
        refunded="refunded|refund amount|refund_amount",
        payout="payout|payout id|withdrawal id|withdrawal_id",
        settled_on="settled_on|settlement date|settlement time|settlement_time|payout date",
        status="status|transaction status|transaction_status",
        taken=("settlement", "capture", "refund", "partial_refund", "success", "settled"),
    ),
    "xendit": ReportLayout(  # its transactions report: an order has one payment, and is known by its reference
        ref="ref|reference|external id|external_id|reference id|reference_id",
        transaction="transaction",
        amount="amount",
        fee=("fee|total fee|xendit fee", "total vat|vat"),
        payout="payout|withdrawal id|batch id",
        settled_on="settled_on|settlement date|settlement time|settled at",
        status="status",
        taken=("SUCCESSFUL", "SUCCESS", "SETTLED", "PAID", "COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"),
        kind="type|transaction type|transaction_type",
        payments=("PAYMENT", "INVOICE_PAYMENT", "VA_PAYMENT", "EWALLET_PAYMENT", "QRIS_PAYMENT", "RO_PAYMENT"),
        refunds=("REFUND", "EWALLET_REFUND", "QRIS_REFUND"),
    ),
    "tripay": ReportLayout(
        ref="ref|merchant_ref|merchant ref|no. invoice|invoice",
        transaction="transaction|reference|referensi",
        amount="amount|jumlah|nominal",
        fee=("fee|fee_merchant|fee merchant|biaya",),
        payout="payout|settlement id|pencairan",
        settled_on="settled_on|settled_at|settlement date|tanggal pencairan",
        status="status",
        taken=("PAID", "REFUND", "SETTLED"),
    ),
    "duitku": ReportLayout(
        ref="ref|merchantorderid|merchant order id|order id",
        transaction="transaction|reference|referensi",
        amount="amount|nominal",
        fee=("fee|biaya", "vat|ppn"),
        payout="payout|settlement id",
        settled_on="settled_on|settlementdate|settlement date|tanggal settlement",
        status="status|status code|statuscode",
        taken=("SUCCESS", "SUCCESSFUL", "PAID", "00", "SETTLED"),
    ),
}


def layout_of(gateway: str, changed: Mapping[str, Any]) -> ReportLayout:
    """Return the layout of a gateway's reports, with what is said otherwise.

    Raises:
        InvalidInputError: a key is unknown, or its value of the wrong kind; named with its key.
    """
    known = {field.name for field in fields(ReportLayout)}
    values: dict[str, Any] = {}
    for key, value in changed.items():
        if key not in known:
            raise InvalidInputError(f"{gateway}: {key}: unknown key; allowed: {', '.join(sorted(known))}")
        several = value if isinstance(value, list | tuple) else [value]
        if not all(isinstance(one, str) and len(one) <= 200 for one in several):
            raise InvalidInputError(f"{gateway}: {key}: write a text, or a list of texts")
        if key not in _LISTS and len(several) != 1:
            raise InvalidInputError(f"{gateway}: {key}: write one text, with | between several headings")
        values[key] = tuple(several) if key in _LISTS else several[0]
    layout = replace(LAYOUTS.get(gateway, ReportLayout()), **values)
    if layout.decimal not in _MARKS:
        raise InvalidInputError(f"{gateway}: decimal: allowed: . and ,")
    if not layout.ref or not layout.amount:
        raise InvalidInputError(f"{gateway}: ref and amount are needed")
    return layout
