"""A line of an invoice as a person writes one: `text=Kabel 20 m,amount=150000,tax=ppn`."""

import re
from collections.abc import Mapping
from typing import Final

from netbilld.billing.invoice import InvoiceLine, LineKind
from netbilld.model.errors import InvalidInputError
from netbilld.model.units import currency_exponent, half_up, parse_amount

KEYS: Final = ("text", "amount", "quantity", "price", "tax", "inclusive", "revenue")
LINE_LIMIT_MINOR: Final = 10**12
TEXT_LIMIT: Final = 300
_SPLIT: Final = re.compile(rf",\s*(?=(?:{'|'.join(KEYS)})\s*=)")
_WORD: Final = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
_KINDS: Final = {"deposit": LineKind.DEPOSIT, "late_fee": LineKind.LATE_FEE, "discount": LineKind.DISCOUNT}
_ACCOUNTS: Final = {LineKind.DEPOSIT: "deposits", LineKind.LATE_FEE: "late_fees", LineKind.DISCOUNT: "discounts"}
_HINT: Final = 'write --line "text=Kabel 20 m,amount=150000", or quantity=20,price=7500; and tax=ppn, inclusive=no'


def manual_line(written: str, currency: str) -> InvoiceLine:
    """Return the line that `text=…,amount=…` says; its tax is worked out when the document is made.

    `quantity` and `price` give the amount where it is not written. `inclusive=no` puts the tax on top. `revenue` is a
    word for `revenue:<word>`, or deposit, late_fee or discount; a discount is written as a positive amount too.

    Raises:
        InvalidInputError: a key is unknown, missing or twice, or a value can't be.
    """
    fields: dict[str, str] = {}
    for part in _SPLIT.split(written.strip()):
        key, equals, value = part.partition("=")
        key = key.strip()
        if not equals or key not in KEYS:
            raise InvalidInputError(f"line {written!r}: {key!r} is not one of {', '.join(KEYS)}", hint=_HINT)
        if key in fields:
            raise InvalidInputError(f"line {written!r}: {key} stands twice", hint=_HINT)
        fields[key] = value.strip()
    return line_of(fields, currency, written)


def line_of(fields: Mapping[str, str], currency: str, written: str) -> InvoiceLine:
    """Return the line that these fields say, of KEYS; `written` is how it is named in an error.

    Raises:
        InvalidInputError: one is missing, or its value can't be.
    """
    text = fields.get("text", "")
    if not text or len(text) > TEXT_LIMIT or not text.isprintable():
        raise InvalidInputError(f"line {written!r}: text is 1 to {TEXT_LIMIT} characters on one line", hint=_HINT)
    quantity, price_minor, _ = _amounts(fields, written, currency)
    word = fields.get("revenue", "other")
    if not _WORD.match(word):
        raise InvalidInputError(f"line {written!r}: revenue is one word of a-z, 0-9 and _", hint=_HINT)
    return line_by_hand(
        text,
        quantity,
        price_minor,
        tax_code=fields.get("tax", "none"),
        inclusive=_yes(fields.get("inclusive", "yes"), written),
        revenue=word,
    )


def line_by_hand(
    text: str,
    quantity: int,
    price_minor: int,
    *,
    tax_code: str = "none",
    inclusive: bool = True,
    revenue: str = "other",
) -> InvoiceLine:
    """Return the line of so many at a price, in minor units; its tax is worked out when the document is made.

    `revenue` is as in `manual_line`. A discount is below zero, however it is written.

    Raises:
        InvalidInputError: the text, the amount or the word can't be.
    """
    if not text.strip() or len(text) > TEXT_LIMIT or not text.isprintable():
        raise InvalidInputError(f"the text of a line is 1 to {TEXT_LIMIT} characters on one line")
    if not _WORD.match(revenue):
        raise InvalidInputError("revenue is one word of a-z, 0-9 and _")
    amount_minor = quantity * price_minor
    if not 0 < abs(amount_minor) <= LINE_LIMIT_MINOR:
        raise InvalidInputError(
            f"an amount is from 1 to {LINE_LIMIT_MINOR}, or below zero to give back: {quantity} × {price_minor} is not"
        )
    kind = _KINDS.get(revenue, LineKind.MANUAL)
    if kind is LineKind.DISCOUNT and amount_minor > 0:
        price_minor, amount_minor = -price_minor, -amount_minor
    return InvoiceLine(
        kind=kind,
        service_id=None,
        text=text,
        quantity=quantity,
        unit_price_minor=price_minor,
        per=1,
        amount_minor=amount_minor,
        tax_code=None if tax_code in {"", "none"} else tax_code,
        inclusive=inclusive,
        revenue=_ACCOUNTS.get(kind, f"revenue:{revenue}"),
        details={"by_hand": True},
    )


def is_by_hand(line: InvoiceLine) -> bool:
    """Tell whether a person has written a line, so that it can be written again."""
    return bool(line.details.get("by_hand"))


def fields_of(line: InvoiceLine, currency: str) -> dict[str, str]:
    """Return what a person would write for a line that is one by hand; `line_of` makes the same of it."""
    price_minor = abs(line.unit_price_minor) if line.kind is LineKind.DISCOUNT else line.unit_price_minor
    words = {kind: word for word, kind in _KINDS.items()}
    return {
        "text": line.text,
        "quantity": str(line.quantity),
        "price": written_amount(price_minor, currency),
        "tax": line.tax_code or "none",
        "inclusive": "yes" if line.inclusive else "no",
        "revenue": words.get(line.kind, line.revenue.removeprefix("revenue:")),
    }


def written_amount(amount_minor: int, currency: str) -> str:
    """Return an amount as a person types it, which `parse_amount` reads: `275000`, `12.50`."""
    exponent = currency_exponent(currency)
    if not exponent:
        return str(amount_minor)
    whole, rest = divmod(abs(amount_minor), 10**exponent)
    return f"{'-' if amount_minor < 0 else ''}{whole}.{rest:0{exponent}}"


def _amounts(fields: Mapping[str, str], written: str, currency: str) -> tuple[int, int, int]:
    quantity_text = fields.get("quantity", "1")
    if not quantity_text.isascii() or not quantity_text.isdigit() or not 0 < int(quantity_text) < 10**9:
        raise InvalidInputError(f"line {written!r}: quantity is a whole number of 1 or more", hint=_HINT)
    quantity = int(quantity_text)
    if "price" in fields:
        price_minor = parse_amount(fields["price"], currency)
        amount_minor = quantity * price_minor
        if "amount" in fields and parse_amount(fields["amount"], currency) != amount_minor:
            raise InvalidInputError(f"line {written!r}: {quantity} × {fields['price']} is not {fields['amount']}")
    elif "amount" in fields:
        amount_minor = parse_amount(fields["amount"], currency)
        price_minor = amount_minor if quantity == 1 else half_up(abs(amount_minor), quantity)
        if quantity * abs(price_minor) != abs(amount_minor):
            raise InvalidInputError(
                f"line {written!r}: {fields['amount']} is no whole price for {quantity}", hint="write price= instead"
            )
        price_minor = price_minor if amount_minor > 0 else -abs(price_minor)
    else:
        raise InvalidInputError(f"line {written!r}: amount or price is missing", hint=_HINT)
    if not 0 < abs(amount_minor) <= LINE_LIMIT_MINOR:
        raise InvalidInputError(
            f"line {written!r}: an amount is from 1 to {LINE_LIMIT_MINOR}, or below zero to give back"
        )
    return quantity, price_minor, amount_minor


def _yes(said: str, written: str) -> bool:
    if said not in {"yes", "no", "true", "false"}:
        raise InvalidInputError(f"line {written!r}: inclusive is yes or no", hint=_HINT)
    return said in {"yes", "true"}
