"""A whole plan file: its tables in order, and what has to hold between them."""

import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NoReturn

from netbilld.billing.plan import AfterAllowance, Charging, Timing
from netbilld.billing.plan_file.grammar import CODE, JSON, TRIAL_DAYS_LIMIT
from netbilld.billing.plan_file.money_tables import (
    read_discounts,
    read_extras,
    read_fees,
    read_notify,
    read_price_rules,
    read_recurring,
    read_sale,
    read_tax,
    read_top_ups,
)
from netbilld.billing.plan_file.reader import Reader, TomlTable
from netbilld.billing.plan_file.service_tables import read_service_tables, read_speed
from netbilld.billing.plan_file.usage_tables import read_allowance, read_happy_hours, read_usage
from netbilld.model.errors import InvalidInputError

# lists of the file, the key of the definition, and how one is read; a definition has none that the file has not
_LISTS = (
    ("component", "components", read_extras),
    ("price", "price_rules", read_price_rules),
    ("discount", "discounts", read_discounts),
    ("addon", "add_ons", read_extras),
    ("topup", "top_ups", read_top_ups),
    ("happy", "happy_hours", read_happy_hours),
)


def parse_plan(toml_text: str, source_name: str, currency: str) -> JSON:
    """Return the definition of the plan that a file describes.

    Args:
        toml_text: the file.
        source_name: how to name it in an error.
        currency: the currency its prices are in.

    Raises:
        InvalidInputError: one line naming file, line, key, what is wrong and what is allowed.
    """
    try:
        values = tomllib.loads(toml_text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"{source_name}: not valid TOML: {error}", code="bad_plan") from None
    reader = Reader(toml_text, source_name, currency)
    top = TomlTable(values, "")
    definition = _definition(reader, top)
    _refuse_what_can_not_be(reader, top, definition)
    return definition


def unused_keys(toml_text: str, definition: JSON) -> tuple[str, ...]:
    """Return what a plan file that was understood says without effect, such as a usage price of a flat plan."""
    values = tomllib.loads(toml_text)
    unused = ["usage"] if "usage" in values and definition["usage"] is None else []
    allowance = definition["allowance"]
    if allowance and "throttled" in values["allowance"] and allowance["throttled"] is None:
        unused.append("allowance.throttled")
    if "extends" in values.get("recurring", {}) and definition["timing"] == Timing.POSTPAID.value:
        unused.append("recurring.extends")
    if "bill" in values.get("recurring", {}) and definition["timing"] == Timing.PREPAID.value:
        unused.append("recurring.bill")
    return tuple(unused)


def named_places(definition: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield every group and area a plan names: the key's path, `group` or `area`, and the name."""
    for number, rule in enumerate(definition.get("price_rules", ()), 1):
        for kind in ("group", "area"):
            if rule.get(kind) is not None:
                yield f"price[{number}].{kind}", kind, rule[kind]
    for key, kind in (("groups", "group"), ("areas", "area")):
        for name in (definition.get("sale") or {}).get(key, ()):
            yield f"sale.{key}", kind, name


def refuse_key(toml_text: str, source_name: str, path: str, problem: str) -> NoReturn:
    """Refuse a file that was understood for what one of its keys says, by the line it stands on."""
    Reader(toml_text, source_name, "IDR").refuse(path, problem)


def _definition(reader: Reader, top: TomlTable) -> JSON:
    reader.refuse_unknown(top.values)
    definition: JSON = {
        "code": reader.matching(top, "code", CODE, "1 to 64 letters, digits, '.', '_' or '-'"),
        "name": reader.name(top),
        "timing": reader.one_of(top, "timing", [timing.value for timing in Timing]),
        "charging": reader.one_of(top, "charging", [charging.value for charging in Charging]),
        "currency": reader.currency,
    }
    by_time = definition["charging"] == Charging.TIME.value
    tables = {name: reader.table(top, name) for name in ("recurring", "allowance", "usage", "tax", "fees", "sale")}
    definition["speed"] = read_speed(reader, reader.needed_table(top, "speed"))
    definition["recurring"] = read_recurring(reader, tables["recurring"]) if tables["recurring"] else None
    definition["allowance"] = None
    if tables["allowance"]:
        definition |= read_allowance(reader, tables["allowance"], definition["speed"])
    definition["usage"] = read_usage(reader, tables["usage"], by_time=by_time) if tables["usage"] else None
    definition["tax"] = read_tax(reader, tables["tax"] or TomlTable({}, "tax"))
    definition |= read_service_tables(reader, top)
    # what follows is absent where the file has no such thing: a definition means the same as before these existed
    if tables["fees"] and (fees := read_fees(reader, tables["fees"])):
        definition["fees"] = fees
    if tables["sale"]:
        definition["sale"] = read_sale(reader, tables["sale"])
    for key, column, read in _LISTS:
        if found := reader.tables(top, key):
            definition[column] = read(reader, found)
    if top.get("notify") is not None:
        definition["notify_percents"] = read_notify(reader, top)
    if reader.flag(top, "free"):
        definition["free"] = True
    if top.get("trial_days") is not None:
        definition["trial_days"] = reader.whole(top, "trial_days", top.get("trial_days"), 1, TRIAL_DAYS_LIMIT)
    return definition


def _refuse_what_can_not_be(reader: Reader, top: TomlTable, definition: JSON) -> None:
    charging = Charging(definition["charging"])
    if charging is Charging.FLAT:
        if definition["recurring"] is None:
            reader.refuse("charging", 'a "flat" plan needs a [recurring] table with price and period')
        definition["usage"] = None  # understood, and never charged: see `unused_keys`
    elif definition["usage"] is None:
        key = "price_per_hour" if charging is Charging.TIME else "price_per_gb"
        reader.refuse("charging", f'a "{charging.value}" plan needs a [usage] table with {key}')
    if charging is Charging.PER_USE:
        if definition["recurring"] is not None:
            reader.refuse("recurring", 'a "per_use" plan has no fee; with one it is "volume"')
        if definition["allowance"] is not None:
            reader.refuse("allowance", 'a "per_use" plan has no allowance; with one it is "hybrid"')
    _refuse_allowance(reader, definition, charging)
    _refuse_without_fee(reader, top, definition)
    has_limit = definition["allowance"] is not None or "time_allowance" in definition
    for number, window in enumerate(definition.get("happy_hours", ()), 1):
        if "price_minor" in window and (definition["usage"] is None or charging is Charging.TIME):
            reader.refuse(f"happy[{number}].price_per_gb", "a price here needs a plan whose usage has a price per GB")
        if "weight" in window and definition["usage"] is None and not has_limit:
            key = "free" if window["weight"] == [0, 1] else "weight"
            reader.refuse(f"happy[{number}].{key}", "nothing is counted here: the plan has no allowance and no price")
    for number, top_up in enumerate(definition.get("top_ups", ()), 1):
        if top_up["data_octets"] is not None and definition["allowance"] is None:
            reader.refuse(f"topup[{number}].data", "adds to an allowance of data, and the plan has none")
        if top_up["time_seconds"] is not None and "time_allowance" not in definition:
            reader.refuse(f"topup[{number}].time", "adds to an allowance of time, and the plan has none")


def _refuse_allowance(reader: Reader, definition: JSON, charging: Charging) -> None:
    if "time_allowance" in definition and charging is not Charging.TIME:
        reader.refuse("allowance.time", 'is for a plan with charging = "time"')
    charges = definition["allowance"] is not None and definition["allowance"]["after"] == AfterAllowance.CHARGE.value
    if charging is Charging.HYBRID:
        if definition["recurring"] is None:
            reader.refuse("charging", 'a "hybrid" plan needs a [recurring] table with price and period')
        if not charges:
            reader.refuse("charging", 'a "hybrid" plan needs an [allowance] with data and after = "charge"')
    elif charges:
        reader.refuse("allowance.after", '"charge" is for a plan with charging = "hybrid"')


def _refuse_without_fee(reader: Reader, top: TomlTable, definition: JSON) -> None:
    if definition["recurring"] is not None:
        return
    for key, column, _ in _LISTS:
        if key in {"component", "price", "discount", "addon"} and definition.get(column):
            reader.refuse(key, "goes with a fee, and the plan has no [recurring] table", key)
    if top.get("trial_days") is not None and definition["usage"] is None:
        reader.refuse("trial_days", "there is nothing to pay after it")
