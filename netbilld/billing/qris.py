"""QRIS codes (EMVCo, merchant presented): read, checked, and a merchant's static one given an amount.

The text is a series of `TT LL V…`: two digits of tag, two of length, the value. Lengths count characters. Tag 63 is
last and is a CRC-16/CCITT-FALSE of everything before its own value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from netbilld.model.errors import InvalidInputError

LARGEST_AMOUNT: Final = 10_000_000  # rupiah in one QRIS payment
LONGEST_BILL_NUMBER: Final = 25
_LONGEST_FIELD: Final = 99  # two digits say how long one is
_FORMAT, _INITIATION, _CURRENCY, _AMOUNT, _COUNTRY, _NAME, _CITY = "00", "01", "53", "54", "58", "59", "60"
_ADDITIONAL, _CRC, _REPOSITORY = "62", "63", "51"
_STATIC, _DYNAMIC = "11", "12"
_ASKED_OF_PAYER: Final = frozenset({"54", "55", "56", "57"})  # amount and tips
_ACQUIRERS: Final = frozenset(f"{tag:02}" for tag in range(26, 46))
_BILL_NUMBER: Final = "01"  # within 62

Field = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Qris:
    """A code that was read and is whole.

    Attributes:
        fields: tag and value, in the order they stand in, without the CRC.
    """

    fields: tuple[Field, ...]

    def value(self, tag: str) -> str | None:
        """Return the value of a tag; None where the code has none."""
        return next((value for found, value in self.fields if found == tag), None)

    @property
    def merchant_name(self) -> str:
        return self.value(_NAME) or ""

    @property
    def city(self) -> str:
        return self.value(_CITY) or ""

    @property
    def is_static(self) -> bool:
        return self.value(_INITIATION) == _STATIC

    @property
    def amount_minor(self) -> int | None:
        """Return the amount that is preset, in rupiah; None where the payer types it."""
        text = self.value(_AMOUNT)
        if text is None:
            return None
        whole, _, fraction = text.partition(".")
        if not whole.isascii() or not whole.isdigit() or fraction.strip("0"):
            return None
        return int(whole)

    @property
    def bill_number(self) -> str | None:
        """Return what stands in the additional data as the number of the bill."""
        additional = self.value(_ADDITIONAL)
        if additional is None:
            return None
        return next((value for tag, value in _fields(additional) if tag == _BILL_NUMBER), None)


def crc16(text: str) -> str:
    """Return the CRC-16/CCITT-FALSE of an ASCII text as four upper-case hexadecimal digits."""
    crc = 0xFFFF
    for octet in text.encode("ascii"):
        crc ^= octet << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        crc &= 0xFFFF
    return f"{crc:04X}"


def read_qris(text: str) -> Qris:
    """Return what a QRIS code says.

    Raises:
        InvalidInputError: it is no QRIS code, is cut off, or its CRC is another's.
    """
    text = text.strip()
    if not text.isascii() or not text.isprintable() or len(text) > 512:
        raise InvalidInputError("this is no QRIS code", code="bad_qris")
    fields = _fields(text)
    if not fields or fields[0] != (_FORMAT, "01") or fields[-1][0] != _CRC:
        raise InvalidInputError("this is no QRIS code: it does not begin with 000201 and end with 63", code="bad_qris")
    if crc16(text[:-4]) != fields[-1][1].upper():
        raise InvalidInputError("the QRIS code is damaged: its last four characters don't fit", code="bad_qris")
    body = tuple(fields[:-1])
    tags = [tag for tag, _ in body]
    if len(set(tags)) != len(tags):
        raise InvalidInputError("the QRIS code has a field twice", code="bad_qris")
    read = Qris(body)
    if read.value(_CURRENCY) != "360" or read.value(_COUNTRY) != "ID":
        raise InvalidInputError("the QRIS code is not of Indonesia and rupiah", code="bad_qris")
    if not {_REPOSITORY, *_ACQUIRERS} & set(tags):
        raise InvalidInputError("the QRIS code names no merchant account", code="bad_qris")
    return read


def dynamic_qris(static: str, amount_minor: int, bill_number: str | None = None) -> str:
    """Return a merchant's code with an amount in rupiah, and the number of a bill where one is given and finds room.

    Nobody tells us when it is paid: the amount has to be one by which the payment is known.

    Raises:
        InvalidInputError: the code is none, or the amount can't be paid in one.
    """
    read = read_qris(static)
    if not 0 < amount_minor <= LARGEST_AMOUNT:
        raise InvalidInputError(
            f"{amount_minor} can't be paid by one QRIS code: 1 to {LARGEST_AMOUNT}", code="bad_qris_amount"
        )
    kept = {tag: value for tag, value in read.fields if tag not in _ASKED_OF_PAYER}
    kept |= {_INITIATION: _DYNAMIC, _AMOUNT: str(amount_minor)}
    if bill_number is not None:
        kept |= _with_bill_number(kept.get(_ADDITIONAL, ""), bill_number)
    first = [(tag, kept.pop(tag)) for tag in (_FORMAT, _INITIATION)]
    return _written([*first, *sorted(kept.items())])


def _with_bill_number(additional: str, bill_number: str) -> dict[str, str]:
    """Return the additional data with the number; nothing where that has no room for it."""
    if not 0 < len(bill_number) <= LONGEST_BILL_NUMBER or not bill_number.isascii() or not bill_number.isprintable():
        return {}
    try:
        others = [(tag, value) for tag, value in _fields(additional) if tag != _BILL_NUMBER]
    except InvalidInputError:
        return {}
    joined = "".join(f"{tag}{len(value):02}{value}" for tag, value in [(_BILL_NUMBER, bill_number), *others])
    return {_ADDITIONAL: joined} if len(joined) <= _LONGEST_FIELD else {}


def _written(fields: Sequence[Field]) -> str:
    body = "".join(f"{tag}{len(value):02}{value}" for tag, value in fields) + f"{_CRC}04"
    return body + crc16(body)


def _fields(text: str) -> list[Field]:
    fields: list[Field] = []
    at = 0
    while at < len(text):
        tag, length = text[at : at + 2], text[at + 2 : at + 4]
        if len(tag) != 2 or len(length) != 2 or not tag.isdigit() or not length.isdigit():
            raise InvalidInputError("the QRIS code is cut off or damaged", code="bad_qris")
        value = text[at + 4 : at + 4 + int(length)]
        if len(value) != int(length) or not value:
            raise InvalidInputError("the QRIS code is cut off: a length runs past its end", code="bad_qris")
        fields.append((tag, value))
        at += 4 + int(length)
    return fields
