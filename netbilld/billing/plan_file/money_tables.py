"""The tables of a plan file that say what is paid beside usage: fee, parts of a bundle, prices, sale, extras, tax."""

from decimal import Decimal
from typing import Any, Final

from netbilld.billing.plan_file.grammar import (
    CODE,
    DAYS,
    JSON,
    NO_TAX,
    PERCENT_LIMIT,
    PERIOD_DAYS_LIMIT,
    PERIODS_LIMIT,
    REVENUE,
    TAX_CODE,
)
from netbilld.billing.plan_file.reader import Reader, TomlTable, shown
from netbilld.billing.plan_parts import BilledWhen, ExtendsFrom, ProRata, StopPolicy
from netbilld.billing.prices import area_parts, code_key

_CODE_WORDS: Final = "1 to 64 letters, digits, '.', '_' or '-'"
_AREA_LENGTH: Final = 100
_HUNDRED_PERCENT: Final = 10_000  # in hundredths
# key of the file: (key of the definition, what it may be, what is not written down)
_CHOICES: Final[tuple[tuple[str, str, type[Any], str], ...]] = (
    ("bill", "billed", BilledWhen, BilledWhen.ADVANCE),
    ("prorata", "prorata", ProRata, ProRata.CALENDAR),
    ("extends", "extends_from", ExtendsFrom, ExtendsFrom.EXPIRY),
    ("paused", "when_paused", StopPolicy, StopPolicy.CREDIT),
    ("suspended", "when_suspended", StopPolicy, StopPolicy.BILL),
)


def read_recurring(reader: Reader, table: TomlTable) -> JSON:
    """Return the fee."""
    price_minor = reader.price(table, "price")
    period = reader.text(table, "period")
    days = DAYS.fullmatch(period)
    if period != "month" and (days is None or int(days[1]) > PERIOD_DAYS_LIMIT):
        reader.refuse(table.path("period"), f'{shown(period)} is not a period; allowed: "month", or days as in "30d"')
    stored: JSON = {"price_minor": price_minor, "period_days": int(days[1]) if days else None}
    for key, column, kind, usual in _CHOICES:
        chosen = reader.one_of(table, key, [one.value for one in kind], default=str(usual))
        if chosen != usual:
            stored[column] = chosen
    return stored


def read_fees(reader: Reader, table: TomlTable) -> JSON:
    """Return what is billed once."""
    return {
        f"{key}_minor": reader.price(table, key) for key in ("installation", "deposit") if table.get(key) is not None
    }


def read_extras(reader: Reader, tables: list[TomlTable]) -> list[JSON]:
    """Return components of a bundle, or add-ons: each with a code of its own and the account it is earned on."""
    found: list[JSON] = []
    for table in tables:
        code = _own_code(reader, table, found)
        default = code.casefold() if REVENUE.fullmatch(code.casefold()) else "recurring"
        allowed = "a lower-case word of at most 32 letters, digits, '_' or '-'"
        given = table.get("revenue") is not None
        found.append(
            {
                "code": code,
                "name": reader.name(table),
                "price_minor": reader.price(table, "price"),
                "revenue": reader.matching(table, "revenue", REVENUE, allowed) if given else default,
                "telecom_revenue": bool(reader.flag(table, "telecom")),
            }
        )
    return found


def read_price_rules(reader: Reader, tables: list[TomlTable]) -> list[JSON]:
    """Return other prices of the fee by group or area."""
    found: list[JSON] = []
    seen: set[tuple[str, Any]] = set()
    for table in tables:
        given = [key for key in ("group", "area") if table.get(key) is not None]
        if len(given) != 1:
            reader.refuse(table.path("group"), "a price is for a group or for an area: one of both", table.name)
        key = given[0]
        value = _group(reader, table.path(key), reader.text(table, key)) if key == "group" else ""
        value = value or _area(reader, table.path(key), reader.text(table, key))
        same = (key, code_key(value) if key == "group" else area_parts(value))
        if same in seen:
            reader.refuse(table.path(key), f"{shown(value)} has a price already")
        seen.add(same)
        found.append({"price_minor": reader.price(table, "price"), key: value})
    return found


def read_sale(reader: Reader, table: TomlTable) -> JSON:
    """Return who may take the plan."""
    sale: JSON = {}
    if table.get("groups") is not None:
        path = table.path("groups")
        sale["groups"] = [_group(reader, path, written) for written in reader.texts(table, "groups")]
    if table.get("areas") is not None:
        path = table.path("areas")
        sale["areas"] = [_area(reader, path, written) for written in reader.texts(table, "areas")]
    if not any(sale.values()):
        reader.refuse("sale", "names nobody; allowed: groups and areas, or leave [sale] out for anybody")
    return sale


def read_discounts(reader: Reader, tables: list[TomlTable]) -> list[JSON]:
    """Return what is taken from recurring fees."""
    return [
        {
            "name": reader.name(table),
            **read_reduction(reader, table),
            "periods": reader.whole(table, "periods", table.get("periods"), 1, PERIODS_LIMIT)
            if table.get("periods") is not None
            else None,
        }
        for table in tables
    ]


def read_reduction(reader: Reader, table: TomlTable) -> JSON:
    """Return one of percent and amount."""
    given = [key for key in ("percent", "amount") if table.get(key) is not None]
    if len(given) != 1:
        reader.refuse(table.path("percent"), "a discount is a percent or an amount: one of both", table.name)
    if given == ["amount"]:
        return {"percent_hundredths": None, "amount_minor": reader.price(table, "amount")}
    value = table.get("percent")
    hundredths = value * 100 if isinstance(value, int | Decimal) and not isinstance(value, bool) else None
    if hundredths is None or hundredths != int(hundredths) or not 0 < hundredths <= _HUNDRED_PERCENT:
        reader.refuse(table.path("percent"), f"{shown(value)} is not allowed; allowed: 0.01 to 100")
    return {"percent_hundredths": int(hundredths), "amount_minor": None}


def read_top_ups(reader: Reader, tables: list[TomlTable]) -> list[JSON]:
    """Return what can be bought beside the allowance."""
    found: list[JSON] = []
    for table in tables:
        code = _own_code(reader, table, found)
        if (table.get("data") is None) == (table.get("time") is None):
            reader.refuse(table.path("data"), "a top-up is of data or of time: one of both", table.name)
        valid = reader.text(table, "valid") if table.get("valid") is not None else "period"
        days = DAYS.fullmatch(valid)
        if valid != "period" and (days is None or int(days[1]) > PERIOD_DAYS_LIMIT):
            reader.refuse(table.path("valid"), f'{shown(valid)} is not allowed; allowed: "period", or days as in "30d"')
        found.append(
            {
                "code": code,
                "name": reader.name(table),
                "price_minor": reader.price(table, "price"),
                "data_octets": reader.octets(table, "data") if table.get("data") is not None else None,
                "time_seconds": reader.seconds(table, "time") if table.get("time") is not None else None,
                "valid_days": int(days[1]) if days else None,
            }
        )
    return found


def read_tax(reader: Reader, table: TomlTable) -> JSON:
    """Return which tax its prices bear; `inclusive` says whether they hold it."""
    rate = NO_TAX
    if table.get("rate") is not None:
        rate = reader.matching(table, "rate", TAX_CODE, '"none", or the code of a tax such as "ppn"')
    return {"rate": rate, "inclusive": reader.flag(table, "inclusive") is not False}


def read_notify(reader: Reader, top: TomlTable) -> list[int]:
    """Return the percents of the allowance that are told to the subscriber."""
    value = top.get("notify")
    allowed = f"a rising list of whole numbers from 1 to {PERCENT_LIMIT}, as [80, 100]"
    if not isinstance(value, list) or not all(
        isinstance(one, int) and not isinstance(one, bool) and 1 <= one <= PERCENT_LIMIT for one in value
    ):
        reader.refuse("notify", f"{shown(value)} is not allowed; allowed: {allowed}")
    if value != sorted(set(value)):
        reader.refuse("notify", f"{shown(value)} is not in rising order; allowed: {allowed}")
    return list(value)


def _own_code(reader: Reader, table: TomlTable, earlier: list[JSON]) -> str:
    code = reader.matching(table, "code", CODE, _CODE_WORDS)
    if any(code_key(one["code"]) == code_key(code) for one in earlier):
        reader.refuse(table.path("code"), f"{shown(code)} is there already")
    return code


def _group(reader: Reader, path: str, written: str) -> str:
    if not CODE.fullmatch(written):
        reader.refuse(path, f"{shown(written)} is not a group's code; allowed: {_CODE_WORDS}")
    return written


def _area(reader: Reader, path: str, written: str) -> str:
    if not 0 < len(written) <= _AREA_LENGTH or not written.isprintable() or not area_parts(written):
        reader.refuse(path, f'{shown(written)} is not an area; write it as "jabar/bandung/rw05"')
    return written
