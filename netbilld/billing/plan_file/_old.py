"""Plan files: TOML as an operator writes it, to the definition that is stored, to a Plan.

The definition is plain JSON in base units (octets, bit/s, minor units), so that a stored version means the same for
ever, whatever the file's grammar becomes.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, NoReturn, TypeVar, get_args

from netbilld.billing.hours import parse_hours
from netbilld.billing.plan import (
    AfterAllowance,
    Charging,
    Closing,
    Counts,
    Timing,
)
from netbilld.model.errors import InvalidInputError
from netbilld.model.service_lock import LockKind, SecondLogin
from netbilld.model.units import currency_exponent, parse_amount, parse_octets, parse_rate_bps

PRICE_LIMIT_MINOR: Final = 10**12
PERIOD_DAYS_LIMIT: Final = 366
POOL_NAME_LIMIT: Final = 100
BURST_SECONDS_LIMIT: Final = 300
SESSIONS_LIMIT: Final = 1000
HOURS_LINES_LIMIT: Final = 50

_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NAS_PROFILE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,99}")
_IDLE_TIMEOUT: Final = re.compile(r"[1-9]\d{0,4}[smh]")
_SECONDS_PER: Final = {"s": 1, "m": 60, "h": 3600}
_DAYS: Final = re.compile(r"([1-9]\d{0,2})d")
_OCTETS_PER: Final = {"GB": 10**9, "GiB": 2**30}
_SPEED_KEYS: Final = ("down", "up", "burst", "priority", "minimum", "nas_profile")
_BURST_KEYS: Final = ("down", "up", "threshold_down", "threshold_up", "seconds")
_KEYS: Final = {
    "": (
        "code",
        "name",
        "timing",
        "charging",
        "recurring",
        "speed",
        "allowance",
        "usage",
        "tax",
        "access",
        "address",
        "sessions",
        "lock",
        "hours",
        "outage",
    ),
    "recurring": ("price", "period"),
    "speed": _SPEED_KEYS,
    "speed.burst": _BURST_KEYS,
    "speed.minimum": ("down", "up"),
    "allowance": ("data", "counts", "after", "throttled"),
    "allowance.throttled": _SPEED_KEYS,
    "allowance.throttled.burst": _BURST_KEYS,
    "allowance.throttled.minimum": ("down", "up"),
    "usage": ("price_per_gb", "gb"),
    "tax": ("rate", "inclusive"),
    "access": ("overdue", "no_credit", "suspended", "idle_timeout"),
    "address": ("pool", "ipv6_pool", "delegated_pool"),
    "sessions": ("allowed", "second"),
    "lock": ("learn",),
    "hours": ("allowed",),
    "outage": ("access",),
}
_NOT_YET: Final = {
    "charging": {"volume", "hybrid", "time"},
    "allowance.after": {"charge"},
}
_OPEN: Final = "open"
_CLOSED: Final = "closed"
_T = TypeVar("_T")
_JSON = dict[str, Any]


def parse_plan(toml_text: str, source_name: str, currency: str) -> _JSON:
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
    return _File(toml_text, source_name, currency).plan(_Table(values, ""))


def unused_keys(toml_text: str, definition: _JSON) -> tuple[str, ...]:
    """Return what a plan file that was understood says without effect, such as a usage price of a flat plan."""
    values = tomllib.loads(toml_text)
    unused = ["usage"] if "usage" in values and definition["usage"] is None else []
    allowance = definition["allowance"]
    if allowance and "throttled" in values["allowance"] and allowance["throttled"] is None:
        unused.append("allowance.throttled")
    return tuple(unused)


class _Table:
    """A TOML table and its dotted name."""

    def __init__(self, values: Mapping[str, Any], name: str) -> None:
        self.values, self.name = values, name

    def path(self, key: str) -> str:
        return f"{self.name}.{key}" if self.name else key

    def get(self, key: str) -> Any:
        """Return the key's value, None where it is absent; TOML has no null."""
        return self.values.get(key)


class _File:
    """Reads one plan file, strictly; the first thing wrong ends it."""

    def __init__(self, text: str, source_name: str, currency: str) -> None:
        self._text, self._source, self._currency = text, source_name, currency

    def plan(self, top: _Table) -> _JSON:
        self._refuse_unknown(top.values)
        definition: _JSON = {
            "code": self._matching(top, "code", _CODE, "1 to 64 letters, digits, '.', '_' or '-'"),
            "name": self._name(top),
            "timing": self._one_of(top, "timing", [timing.value for timing in Timing]),
            "charging": self._one_of(top, "charging", [Charging.FLAT.value, Charging.PER_USE.value]),
            "currency": self._currency,
        }
        timing, charging = Timing(definition["timing"]), Charging(definition["charging"])
        tables = {name: self._table(top, name) for name in ("recurring", "allowance", "usage", "tax", "access")}
        definition["speed"] = self._speed(self._needed_table(top, "speed"))
        definition["recurring"] = self._recurring(tables["recurring"]) if tables["recurring"] else None
        definition["allowance"] = (
            self._allowance(tables["allowance"], definition["speed"]) if tables["allowance"] else None
        )
        definition["usage"] = self._usage(tables["usage"]) if tables["usage"] else None
        definition["tax"] = self._tax(tables["tax"] or _Table({}, "tax"))
        definition["access"] = self._access(tables["access"] or _Table({}, "access"))
        if address := self._table(top, "address"):
            definition["address"] = {key: self._pool(address, key) for key in address.values}
        # absent where the file has no such table: a definition means the same as before these existed
        if sessions := self._table(top, "sessions"):
            definition["sessions"] = self._sessions(sessions)
        if lock := self._table(top, "lock"):
            definition["lock"] = {"learn": self._learned(lock)}
        if hours := self._table(top, "hours"):
            definition["hours"] = self._hours(hours)
        if outage := self._table(top, "outage"):
            definition["outage"] = {"access": self._one_of(outage, "access", [_OPEN, _CLOSED])}
        self._consistent(definition, timing, charging)
        return definition

    def _consistent(self, definition: _JSON, timing: Timing, charging: Charging) -> None:
        if charging is Charging.FLAT:
            if definition["recurring"] is None:
                self._refuse("charging", 'a "flat" plan needs a [recurring] table with price and period')
            definition["usage"] = None  # understood, and never charged: see `unused_keys`
            return
        if definition["usage"] is None:
            self._refuse("charging", 'a "per_use" plan needs a [usage] table with price_per_gb')
        if definition["recurring"] is not None:
            self._refuse("recurring", 'a "per_use" plan has no fee; this release offers a fee with charging = "flat"')
        if definition["allowance"] is not None:
            self._refuse("allowance", 'a "per_use" plan has no allowance; this release offers it with "flat"')
        if timing is Timing.POSTPAID:
            self._refuse("timing", '"per_use" is charged from the wallet; this release offers it with "prepaid"')

    def _recurring(self, table: _Table) -> _JSON:
        price_minor = self._price(table, "price")
        period = self._text_value(table, "period")
        days = _DAYS.fullmatch(period)
        if period != "month" and (days is None or int(days[1]) > PERIOD_DAYS_LIMIT):
            self._refuse(
                table.path("period"), f'{_shown(period)} is not a period; allowed: "month", or days as in "30d"'
            )
        return {"price_minor": price_minor, "period_days": int(days[1]) if days else None}

    def _speed(self, table: _Table, within: _JSON | None = None) -> _JSON:
        speed: _JSON = {"down_bps": self._rate(table, "down"), "up_bps": self._rate(table, "up")}
        if burst := self._table(table, "burst"):
            speed["burst"] = self._burst(burst, speed)
        if (priority := table.get("priority")) is not None:
            speed["priority"] = self._whole(table, "priority", priority, 1, 8)
        if minimum := self._table(table, "minimum"):
            speed["minimum"] = {"down_bps": self._rate(minimum, "down"), "up_bps": self._rate(minimum, "up")}
            for key in ("down", "up"):
                if speed["minimum"][f"{key}_bps"] > speed[f"{key}_bps"]:
                    self._refuse(minimum.path(key), "the minimum is above the speed itself")
        if table.get("nas_profile") is not None:
            allowed = "1 to 100 letters, digits, '.', '_', ':', '/', '@' or '-'"
            speed["nas_profile"] = self._matching(table, "nas_profile", _NAS_PROFILE, allowed)
        for key in ("down", "up"):
            if within is not None and speed[f"{key}_bps"] > within[f"{key}_bps"]:
                self._refuse(table.path(key), "the throttled speed is above the plan's own")
        return speed

    def _burst(self, table: _Table, speed: _JSON) -> _JSON:
        burst = {f"{key}_bps": self._rate(table, key) for key in ("down", "up", "threshold_down", "threshold_up")}
        for key in ("down", "up"):
            if burst[f"{key}_bps"] < speed[f"{key}_bps"]:
                self._refuse(table.path(key), "the burst is below the speed itself")
            if burst[f"threshold_{key}_bps"] > burst[f"{key}_bps"]:
                self._refuse(table.path(f"threshold_{key}"), "the threshold is above the burst")
        burst["seconds"] = self._whole(table, "seconds", table.get("seconds"), 1, BURST_SECONDS_LIMIT)
        return burst

    def _allowance(self, table: _Table, speed: _JSON) -> _JSON:
        data_octets = self._parsed(table, "data", str, parse_octets)
        if data_octets == 0:
            self._refuse(table.path("data"), "0 is no allowance; leave the [allowance] table out")
        counts = self._one_of(table, "counts", [counts.value for counts in Counts], default=Counts.BOTH.value)
        after = self._one_of(table, "after", ["throttle", "wall", "block"])
        throttled = self._table(table, "throttled")
        if after == AfterAllowance.THROTTLE.value and throttled is None:
            self._refuse(table.path("after"), '"throttle" needs throttled = { down = "2M", up = "1M" }')
        slower = self._speed(throttled, within=speed) if throttled else None
        used = after == AfterAllowance.THROTTLE.value
        return {"data_octets": data_octets, "counts": counts, "after": after, "throttled": slower if used else None}

    def _usage(self, table: _Table) -> _JSON:
        price_minor = self._price(table, "price_per_gb")
        unit = self._one_of(table, "gb", list(_OCTETS_PER), default="GB")
        return {"price_per_gb_minor": price_minor, "octets_per_gb": _OCTETS_PER[unit]}

    def _tax(self, table: _Table) -> _JSON:
        rate = table.get("rate")
        if rate is not None and rate != "none":
            self._refuse("tax.rate", f'{_shown(rate)} is not offered by this release; allowed: "none"')
        inclusive = table.get("inclusive")
        if not isinstance(inclusive, bool | None):
            self._refuse("tax.inclusive", f"{_shown(inclusive)} is not allowed; allowed: true, false")
        return {"rate": "none", "inclusive": inclusive is not False}

    def _access(self, table: _Table) -> _JSON:
        closings = [closing.value for closing in Closing]
        access: _JSON = {
            key: self._one_of(table, key, closings, default=Closing.WALL.value)
            for key in ("overdue", "no_credit", "suspended")
        }
        if table.get("idle_timeout") is not None:
            allowed = '"90s", "10m" or "2h", from a minute to a day'
            written = self._matching(table, "idle_timeout", _IDLE_TIMEOUT, allowed)
            seconds = int(written[:-1]) * _SECONDS_PER[written[-1]]
            if not 60 <= seconds <= 86_400:
                self._refuse(table.path("idle_timeout"), f"{_shown(written)} is not allowed; allowed: {allowed}")
            access["idle_seconds"] = seconds
        return access

    def _pool(self, table: _Table, key: str) -> str:
        value = self._text_value(table, key)
        if not 0 < len(value) <= POOL_NAME_LIMIT or not value.isprintable() or value != value.strip():
            self._refuse(table.path(key), f"{_shown(value)} is not a pool's name; allowed: 1 to 100 characters")
        return value

    def _sessions(self, table: _Table) -> _JSON:
        return {
            "allowed": self._whole(table, "allowed", table.get("allowed"), 1, SESSIONS_LIMIT),
            "second": self._one_of(table, "second", list(get_args(SecondLogin)), default="replace"),
        }

    def _learned(self, table: _Table) -> list[str]:
        kinds = get_args(LockKind)
        learn = self._texts(table, "learn")
        for kind in learn:
            if kind not in kinds:
                offered = ", ".join(f'"{word}"' for word in kinds)
                self._refuse(table.path("learn"), f"{_shown(kind)} is not allowed; allowed: {offered}")
        return [kind for kind in kinds if kind in learn]

    def _hours(self, table: _Table) -> _JSON:
        lines = self._texts(table, "allowed")
        if not 0 < len(lines) <= HOURS_LINES_LIMIT:
            self._refuse(
                table.path("allowed"), f"allowed: 1 to {HOURS_LINES_LIMIT} lines; leave [hours] out for always"
            )
        try:
            spans = parse_hours(lines)
        except InvalidInputError as error:
            self._refuse(table.path("allowed"), str(error))
        return {"allowed": lines, "spans": [list(span) for span in spans]}

    # -- single values -------------------------------------------------------------------------------------------------

    def _table(self, table: _Table, key: str) -> _Table | None:
        return None if table.get(key) is None else self._needed_table(table, key)

    def _needed_table(self, table: _Table, key: str) -> _Table:
        value = table.get(key)
        if not isinstance(value, dict):
            said = "is missing" if value is None else f"{_shown(value)} is not a table"
            self._refuse(table.path(key), f"{said}; allowed: a table of keys and values")
        return _Table(value, table.path(key))

    def _text_value(self, table: _Table, key: str) -> str:
        value = table.get(key)
        if value is None:
            self._refuse(table.path(key), "is missing", table.name)
        if not isinstance(value, str):
            self._refuse(table.path(key), f"{_shown(value)} is not text in quotes")
        return value

    def _texts(self, table: _Table, key: str) -> list[str]:
        value = table.get(key)
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            said = "is missing" if value is None else f"{_shown(value)} is not allowed"
            self._refuse(table.path(key), f'{said}; allowed: a list of texts, as ["…", "…"]', table.name)
        return list(value)

    def _matching(self, table: _Table, key: str, pattern: re.Pattern[str], allowed: str) -> str:
        value = self._text_value(table, key)
        if not pattern.fullmatch(value):
            self._refuse(table.path(key), f"{_shown(value)} is not allowed; allowed: {allowed}")
        return value

    def _name(self, table: _Table) -> str:
        value = self._text_value(table, "name").strip()
        if not 0 < len(value) <= 200 or not value.isprintable():
            self._refuse("name", "allowed: 1 to 200 characters, on one line")
        return value

    def _one_of(self, table: _Table, key: str, allowed: list[str], default: str | None = None) -> str:
        if default is not None and table.get(key) is None:
            return default
        value = self._text_value(table, key)
        if value not in allowed:
            offered = ", ".join(f'"{word}"' for word in allowed)
            later = value in _NOT_YET.get(table.path(key), ())
            problem = "is not offered by this release" if later else "is not allowed"
            self._refuse(table.path(key), f"{_shown(value)} {problem}; allowed: {offered}")
        return value

    def _whole(self, table: _Table, key: str, value: Any, least: int, most: int) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            said = "is missing" if value is None else f"{_shown(value)} is not allowed"
            self._refuse(table.path(key), f"{said}; allowed: a whole number from {least} to {most}")
        return value

    def _rate(self, table: _Table, key: str) -> int:
        return self._parsed(table, key, str | int, parse_rate_bps)

    def _price(self, table: _Table, key: str) -> int:
        exponent = currency_exponent(self._currency)
        value = table.get(key)
        whole = "a whole number" if exponent == 0 else f"a number with at most {exponent} decimals"
        allowed = f"allowed: {whole} of {self._currency}, 0 or more"
        if value is None:
            self._refuse(table.path(key), f"is missing; {allowed}", table.name)
        if isinstance(value, bool) or not isinstance(value, int | Decimal if exponent else int):
            self._refuse(table.path(key), f"{_shown(value)} is not a price; {allowed}")
        try:
            price_minor = parse_amount(str(value), self._currency)
        except InvalidInputError:
            self._refuse(table.path(key), f"{_shown(value)} is not a price; {allowed}")
        if not 0 <= price_minor <= PRICE_LIMIT_MINOR:
            self._refuse(table.path(key), f"{_shown(value)} is not a price; {allowed}, at most {PRICE_LIMIT_MINOR}")
        return price_minor

    def _parsed(self, table: _Table, key: str, kinds: Any, parse: Callable[[Any], _T]) -> _T:
        value = table.get(key)
        if value is None:
            self._refuse(table.path(key), "is missing", table.name)
        if isinstance(value, bool) or not isinstance(value, kinds):
            self._refuse(table.path(key), f'{_shown(value)} is not allowed; write it in quotes with its unit, as "20M"')
        try:
            return parse(value)
        except InvalidInputError as error:
            self._refuse(table.path(key), str(error))

    def _refuse_unknown(self, values: Mapping[str, Any], name: str = "") -> None:
        """Before anything else: a key that is spelt wrong must not be told as another one that is missing."""
        for key, value in values.items():
            path = f"{name}.{key}" if name else key
            if path == "usage.tiers":
                self._refuse(path, "tiers are not offered by this release; allowed: price_per_gb")
            if key not in _KEYS[name]:
                where = f"in [{name}]" if name else "at the top"
                self._refuse(path, f"unknown key; allowed {where}: {', '.join(_KEYS[name])}")
            if isinstance(value, dict) and path in _KEYS:
                self._refuse_unknown(value, path)

    def _refuse(self, path: str, problem: str, near: str | None = None) -> NoReturn:
        line = _line_of(self._text, path) or (_line_of(self._text, near) if near else None) or 1
        raise InvalidInputError(f"{self._source}: line {line}: {path}: {problem}", code="bad_plan")


def _shown(value: object) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 60 else text[:60] + "…"


def _line_of(text: str, path: str) -> int | None:
    """Return the line (from 1) on which a key stands; of a key in an inline table, the line of the table's own key."""
    wanted = path.split(".")
    table: list[str] = []
    best: tuple[int, int] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[+\s*([^\]#]+?)\s*\]", line):
            table = found = _keys(header[1])
        elif assignment := re.match(r"\s*([^=#]+?)\s*=", line):
            found = table + _keys(assignment[1])
        else:
            continue
        if wanted[: len(found)] == found and (best is None or len(found) > best[0]):
            best = len(found), number
    return best[1] if best else None


def _keys(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]
