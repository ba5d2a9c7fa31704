"""The tables of a plan file that say what usage is included and what it costs: allowance, usage, happy hours."""

from typing import Final

from netbilld.billing.hours import WEEK_MINUTES
from netbilld.billing.plan import AfterAllowance, Counts
from netbilld.billing.plan_file.grammar import JSON, OCTETS_PER, PERCENT_LIMIT, PERIODS_LIMIT, SECONDS_PER, WEIGHT
from netbilld.billing.plan_file.reader import Reader, TomlTable, minute_words, shown
from netbilld.billing.plan_file.service_tables import read_rates, read_speed, refuse_above

_HOUR_SECONDS: Final = SECONDS_PER["h"]
_LIMIT_PERCENT: Final = 100


def read_allowance(reader: Reader, table: TomlTable, speed: JSON) -> JSON:
    """Return `allowance` and `time_allowance` as far as the table says them."""
    found: JSON = {}
    if table.get("time") is not None:
        found["time_allowance"] = {"seconds": reader.seconds(table, "time")}
    if table.get("data") is None and found:
        for key in ("counts", "throttled", "prorata", "rollover", "steps"):
            if table.get(key) is not None:
                reader.refuse(table.path(key), "is of data; this allowance is of time alone")
        reader.one_of(table, "after", [AfterAllowance.CHARGE.value], default=AfterAllowance.CHARGE.value)
        return found
    data_octets = reader.octets(table, "data")
    if data_octets == 0:
        reader.refuse(table.path("data"), "0 is no allowance; leave the [allowance] table out")
    counts = reader.one_of(table, "counts", [counts.value for counts in Counts], default=Counts.BOTH.value)
    after = reader.one_of(table, "after", [after.value for after in AfterAllowance])
    throttled = reader.table(table, "throttled")
    throttles = after == AfterAllowance.THROTTLE.value
    if throttles and throttled is None:
        reader.refuse(table.path("after"), '"throttle" needs throttled = { down = "2M", up = "1M" }')
    slower = read_speed(reader, throttled, within=speed) if throttled else None
    stored: JSON = {
        "data_octets": data_octets,
        "counts": counts,
        "after": after,
        "throttled": slower if throttles else None,
    }
    if reader.flag(table, "prorata"):
        stored["prorata"] = True
    if rollover := reader.table(table, "rollover"):
        stored["rollover"] = {
            "periods": reader.whole(rollover, "periods", rollover.get("periods"), 1, PERIODS_LIMIT),
            "cap_units": reader.octets(rollover, "cap") if rollover.get("cap") is not None else None,
        }
    if steps := reader.tables(table, "steps"):
        stored["steps"] = _steps(reader, steps, speed, stored)
    return found | {"allowance": stored}


def _steps(reader: Reader, tables: list[TomlTable], speed: JSON, allowance: JSON) -> list[JSON]:
    steps: list[JSON] = []
    last_percent, above = 0, speed
    limit_passed = False
    for table in tables:
        percent = reader.whole(table, "percent", table.get("percent"), 1, PERCENT_LIMIT)
        rates = read_rates(reader, table)
        if percent <= last_percent:
            reader.refuse(table.path("percent"), f"{percent} % is not above the step before, {last_percent} %")
        if percent >= _LIMIT_PERCENT and allowance["after"] in {"wall", "block"}:
            reader.refuse(table.path("percent"), f'is never reached: the plan says after = "{allowance["after"]}"')
        if percent == _LIMIT_PERCENT and allowance["throttled"] is not None:
            reader.refuse(table.path("percent"), "at 100 % the speed is `throttled`; leave this step out")
        if percent > _LIMIT_PERCENT and not limit_passed and allowance["throttled"] is not None:
            limit_passed, above = True, allowance["throttled"]
        refuse_above(reader, table, rates, above, "is above the speed of the step before")
        steps.append({"from_percent": percent, **rates})
        last_percent, above = percent, rates
    if (throttled := allowance["throttled"]) is not None:
        before = [step for step in steps if step["from_percent"] < _LIMIT_PERCENT]
        if before and any(throttled[key] > before[-1][key] for key in ("down_bps", "up_bps")):
            reader.refuse("allowance.throttled", "is above the speed of the step before it")
    return steps


def read_usage(reader: Reader, table: TomlTable, *, by_time: bool) -> JSON:
    """Return the tariff, by the GB or by the hour; the words of the other kind are refused."""
    key = "price_per_hour" if by_time else "price_per_gb"
    for other in ("price_per_gb", "gb") if by_time else ("price_per_hour",):
        if table.get(other) is not None:
            charging = '"time" plan is charged by the hour' if by_time else 'plan that isn\'t "time" has none'
            reader.refuse(table.path(other), f"a {charging}; allowed: {key}, tiers, cap")
    unit = OCTETS_PER[reader.one_of(table, "gb", list(OCTETS_PER), default="GB")]
    cap_minor = reader.price(table, "cap") if table.get("cap") is not None else None
    if table.get("tiers") is None:
        price_minor = reader.price(table, key)
        if not by_time and cap_minor is None:
            return {"price_per_gb_minor": price_minor, "octets_per_gb": unit}
        tiers: list[JSON] = [{"up_to_units": None, "price_minor": price_minor}]
    else:
        if table.get(key) is not None:
            reader.refuse(table.path(key), "there are tiers as well; say the price in one place")
        tiers = _tiers(reader, reader.tables(table, "tiers"), key, by_time=by_time)
    return {"tiers": tiers, "units_per_price": _HOUR_SECONDS if by_time else unit, "cap_minor": cap_minor}


def _tiers(reader: Reader, tables: list[TomlTable], key: str, *, by_time: bool) -> list[JSON]:
    tiers: list[JSON] = []
    last = 0
    for number, table in enumerate(tables, 1):
        for other in ("price_per_gb", "price_per_hour"):
            if other != key and table.get(other) is not None:
                reader.refuse(table.path(other), f"is of another kind of plan; allowed: up_to, {key}")
        price_minor = reader.price(table, key)
        up_to: int | None = None
        if table.get("up_to") is not None:
            up_to = reader.seconds(table, "up_to") if by_time else reader.octets(table, "up_to")
            if up_to <= last:
                reader.refuse(table.path("up_to"), "is not above the tier before; tiers come in rising order")
            if number == len(tables):
                reader.refuse(table.path("up_to"), "leaves a gap above it; the last tier has a price and no up_to")
            last = up_to
        elif number < len(tables):
            reader.refuse(table.path("up_to"), "is missing; only the last tier has none", table.name)
        tiers.append({"up_to_units": up_to, "price_minor": price_minor})
    return tiers


def read_happy_hours(reader: Reader, tables: list[TomlTable]) -> list[JSON]:
    """Return the windows; two that could be in force at once are refused."""
    windows: list[JSON] = []
    for number, table in enumerate(tables, 1):
        window = _window(reader, table, number)
        for earlier in windows:
            _refuse_overlap(reader, table, window, earlier)
        windows.append(window)
    return windows


def _window(reader: Reader, table: TomlTable, number: int) -> JSON:
    name = reader.name(table) if table.get("name") is not None else f"happy hours {number}"
    on_holidays = reader.flag(table, "holidays")
    if on_holidays and table.get("hours") is None:
        lines: list[str] = []
        spans: list[list[int]] = []  # on holidays alone
    else:
        lines, spans = reader.hours(table, "hours", 'write "daily 00:00-24:00" for always')
    window: JSON = {"name": name, "hours": lines, "spans": spans}
    if on_holidays is not None:
        window["on_holidays"] = on_holidays
    says = [
        key
        for key in ("free", "weight", "price_per_gb", "speed")
        if table.get(key) is not None and table.get(key) is not False
    ]
    reader.flag(table, "free")
    counting = [key for key in says if key != "speed"]
    if len(counting) > 1:
        reader.refuse(table.path(counting[1]), f"{counting[0]} says already what usage counts here; leave one out")
    if not says:
        reader.refuse(table.name, "says nothing; allowed: free = true, weight, price_per_gb or speed")
    if "free" in counting:
        window["weight"] = [0, 1]
    elif "weight" in counting:
        window["weight"] = _weight(reader, table)
    elif "price_per_gb" in counting:
        window["price_minor"] = reader.price(table, "price_per_gb")
    if speed := reader.table(table, "speed"):
        window["speed"] = read_rates(reader, speed)
    return window


def _weight(reader: Reader, table: TomlTable) -> list[int]:
    written = reader.text(table, "weight")
    found = WEIGHT.fullmatch(written)
    if found is None or int(found[1]) > int(found[2]):
        reader.refuse(
            table.path("weight"), f'{shown(written)} is not a part; allowed: "1/2" and the like, "0/1" to "1/1"'
        )
    return [int(found[1]), int(found[2])]


def _refuse_overlap(reader: Reader, table: TomlTable, window: JSON, earlier: JSON) -> None:
    for begin, end in window["spans"]:
        for other_begin, other_end in earlier["spans"]:
            if begin < other_end and other_begin < end:
                when = minute_words(max(begin, other_begin) % WEEK_MINUTES)
                reader.refuse(table.path("hours"), f'overlaps with "{earlier["name"]}" on {when}')
    for one, other in ((window, earlier), (earlier, window)):
        if one.get("on_holidays") and other.get("on_holidays") is not False:
            here = "says holidays = true as well" if other.get("on_holidays") else "may fall on a holiday"
            problem = f'overlaps with "{earlier["name"]}" on holidays: "{other["name"]}" {here}'
            reader.refuse(table.path("holidays"), f"{problem}; say holidays = false there", table.name)
