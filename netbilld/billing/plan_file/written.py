"""A stored definition as the plan file that says the same: what another version begins with."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from netbilld.billing.manual_line import written_amount

_VOLUMES: Final = (
    ("TB", 10**12), ("GB", 10**9), ("TiB", 2**40), ("GiB", 2**30), ("MB", 10**6), ("MiB", 2**20), ("KB", 10**3),
    ("KiB", 2**10),
)  # fmt: skip
_RATES: Final = (("G", 10**9), ("M", 10**6), ("k", 10**3))
_GIB: Final = 2**30
_HOUR_SECONDS: Final = 3600
_RECURRING: Final = (
    ("billed", "bill"),
    ("prorata", "prorata"),
    ("extends_from", "extends"),
    ("when_paused", "paused"),
    ("when_suspended", "suspended"),
)
_Stored = Mapping[str, Any]


def plan_text(definition: _Stored) -> str:
    """Return a plan file, as an operator would write it."""
    return "\n".join(_Writer(definition).lines()) + "\n"


class _Writer:
    def __init__(self, definition: _Stored) -> None:
        self._is, self._currency = definition, definition["currency"]
        self._by_time = definition["charging"] == "time"

    def lines(self) -> Iterator[str]:
        """Yield the file line by line: what stands at the top, then the tables in the grammar's order."""
        for key in ("code", "name", "timing", "charging"):
            yield f"{key} = {_text(self._is[key])}"
        if self._is.get("free"):
            yield "free = true"
        if "trial_days" in self._is:
            yield f"trial_days = {self._is['trial_days']}"
        if "notify_percents" in self._is:
            yield f"notify = {json.dumps(self._is['notify_percents'])}"
        yield from self._table("recurring", self._recurring())
        fees = self._is.get("fees") or {}
        yield from self._table(
            "fees", {name.removesuffix("_minor"): self._price(minor) for name, minor in fees.items()}
        )
        yield from self._table("speed", _speed(self._is["speed"]))
        yield from self._table("allowance", self._allowance())
        yield from self._table("usage", self._usage())
        for window in self._is.get("happy_hours", ()):
            yield from self._table("happy", self._happy(window), is_list=True)
        for name, key in (("component", "components"), ("addon", "add_ons")):
            for one in self._is.get(key, ()):
                yield from self._table(name, self._extra(one), is_list=True)
        for rule in self._is.get("price_rules", ()):
            whose = {key: _text(rule[key]) for key in ("group", "area") if rule.get(key) is not None}
            yield from self._table("price", whose | {"price": self._price(rule["price_minor"])}, is_list=True)
        sale = self._is.get("sale") or {}
        yield from self._table("sale", {key: _texts(names) for key, names in sale.items()})
        for one in self._is.get("discounts", ()):
            yield from self._table("discount", self._discount(one), is_list=True)
        for one in self._is.get("top_ups", ()):
            yield from self._table("topup", self._top_up(one), is_list=True)
        tax = self._is["tax"]
        inclusive = "true" if tax.get("inclusive", True) else "false"
        yield from self._table("tax", {"rate": _text(tax.get("rate") or "none"), "inclusive": inclusive})
        yield from self._service()

    def _table(self, name: str, values: Mapping[str, str], *, is_list: bool = False) -> Iterator[str]:
        if values:
            yield ""
            yield f"[[{name}]]" if is_list else f"[{name}]"
            yield from (f"{key} = {value}" for key, value in values.items())

    def _price(self, amount_minor: int) -> str:
        return written_amount(amount_minor, self._currency)

    def _recurring(self) -> dict[str, str]:
        stored = self._is["recurring"]
        if not stored:
            return {}
        period = "month" if stored["period_days"] is None else f"{stored['period_days']}d"
        values = {"price": self._price(stored["price_minor"]), "period": _text(period)}
        return values | {key: _text(str(stored[column])) for column, key in _RECURRING if column in stored}

    def _allowance(self) -> dict[str, str]:
        values: dict[str, str] = {}
        time, stored = self._is.get("time_allowance"), self._is["allowance"]
        if time:
            values["time"] = _text(_duration(time["seconds"]))
        if not stored:
            return values
        values |= {
            "data": _text(_octets(stored["data_octets"])),
            "counts": _text(stored["counts"]),
            "after": _text(stored["after"]),
        }
        if stored["throttled"]:
            values["throttled"] = _inline(_speed(stored["throttled"]))
        if stored.get("prorata"):
            values["prorata"] = "true"
        if rollover := stored.get("rollover"):
            cap = {"cap": _text(_octets(rollover["cap_units"]))} if rollover["cap_units"] is not None else {}
            values["rollover"] = _inline({"periods": str(rollover["periods"])} | cap)
        if steps := stored.get("steps"):
            values["steps"] = _list({"percent": str(one["from_percent"])} | _rates(one) for one in steps)
        return values

    def _usage(self) -> dict[str, str]:
        stored = self._is["usage"]
        if not stored:
            return {}
        key = "price_per_hour" if self._by_time else "price_per_gb"
        tiers = stored.get("tiers") or [{"up_to_units": None, "price_minor": stored["price_per_gb_minor"]}]
        unit = stored.get("units_per_price") or stored["octets_per_gb"]
        values: dict[str, str] = {}
        if len(tiers) == 1 and (self._by_time or "tiers" not in stored or stored.get("cap_minor") is not None):
            values[key] = self._price(tiers[0]["price_minor"])
        else:
            values["tiers"] = _list(self._tier(one, key) for one in tiers)
        if not self._by_time and unit == _GIB:
            values["gb"] = _text("GiB")
        if stored.get("cap_minor") is not None:
            values["cap"] = self._price(stored["cap_minor"])
        return values

    def _tier(self, stored: _Stored, key: str) -> dict[str, str]:
        limit = stored["up_to_units"]
        written = _duration(limit) if self._by_time and limit is not None else _octets(limit or 0)
        return ({"up_to": _text(written)} if limit is not None else {}) | {key: self._price(stored["price_minor"])}

    def _happy(self, stored: _Stored) -> dict[str, str]:
        values = {"name": _text(stored["name"])}
        if stored["hours"]:
            values["hours"] = _texts(stored["hours"])
        if "on_holidays" in stored:
            values["holidays"] = "true" if stored["on_holidays"] else "false"
        if "weight" in stored:
            part, whole = stored["weight"]
            values |= {"free": "true"} if (part, whole) == (0, 1) else {"weight": _text(f"{part}/{whole}")}
        if "price_minor" in stored:
            values["price_per_gb"] = self._price(stored["price_minor"])
        if stored.get("speed"):
            values["speed"] = _inline(_rates(stored["speed"]))
        return values

    def _extra(self, stored: _Stored) -> dict[str, str]:
        values = {"code": _text(stored["code"]), "name": _text(stored["name"])}
        values |= {"price": self._price(stored["price_minor"]), "revenue": _text(stored["revenue"])}
        return values | ({"telecom": "true"} if stored.get("telecom_revenue") else {})

    def _discount(self, stored: _Stored) -> dict[str, str]:
        values = {"name": _text(stored["name"])}
        if (hundredths := stored.get("percent_hundredths")) is not None:
            whole, rest = divmod(hundredths, 100)
            values["percent"] = f"{whole}.{rest:02d}" if rest else str(whole)
        else:
            values["amount"] = self._price(stored["amount_minor"])
        return values | ({"periods": str(stored["periods"])} if stored.get("periods") is not None else {})

    def _top_up(self, stored: _Stored) -> dict[str, str]:
        values = {"code": _text(stored["code"]), "name": _text(stored["name"])}
        values["price"] = self._price(stored["price_minor"])
        if stored["data_octets"] is not None:
            values["data"] = _text(_octets(stored["data_octets"]))
        else:
            values["time"] = _text(_duration(stored["time_seconds"]))
        return values | ({"valid": _text(f"{stored['valid_days']}d")} if stored["valid_days"] else {})

    def _service(self) -> Iterator[str]:
        access = dict(self._is["access"])
        idle = access.pop("idle_seconds", None)
        values = {key: _text(closing) for key, closing in access.items()}
        yield from self._table("access", values | ({"idle_timeout": _text(f"{idle}s")} if idle is not None else {}))
        address = self._is.get("address") or {}
        yield from self._table("address", {key: _text(pool) for key, pool in address.items()})
        if sessions := self._is.get("sessions"):
            values = {"allowed": str(sessions["allowed"]), "second": _text(sessions["second"])}
            yield from self._table("sessions", values)
        if "lock" in self._is:
            yield from self._table("lock", {"learn": _texts(self._is["lock"]["learn"])})
        if "hours" in self._is:
            yield from self._table("hours", {"allowed": _texts(self._is["hours"]["allowed"])})
        if "outage" in self._is:
            yield from self._table("outage", {"access": _text(self._is["outage"]["access"])})


def _speed(stored: _Stored) -> dict[str, str]:
    values = _rates(stored)
    if burst := stored.get("burst"):
        values["burst"] = _inline(
            {key: _text(_rate(burst[f"{key}_bps"])) for key in ("down", "up", "threshold_down", "threshold_up")}
            | {"seconds": str(burst["seconds"])}
        )
    if stored.get("priority") is not None:
        values["priority"] = str(stored["priority"])
    if minimum := stored.get("minimum"):
        values["minimum"] = _inline(_rates(minimum))
    if stored.get("nas_profile") is not None:
        values["nas_profile"] = _text(stored["nas_profile"])
    return values


def _rates(stored: _Stored) -> dict[str, str]:
    return {"down": _text(_rate(stored["down_bps"])), "up": _text(_rate(stored["up_bps"]))}


def _rate(rate_bps: int) -> str:
    unit, size = next(((unit, size) for unit, size in _RATES if rate_bps and rate_bps % size == 0), ("", 1))
    return f"{rate_bps // size}{unit}"


def _octets(octets: int) -> str:
    unit, size = next(((unit, size) for unit, size in _VOLUMES if octets and octets % size == 0), ("B", 1))
    return f"{octets // size}{unit}"


def _duration(seconds: int) -> str:
    return f"{seconds // _HOUR_SECONDS}h" if seconds % _HOUR_SECONDS == 0 else f"{seconds // 60}m"


def _text(text: str) -> str:
    """Return a basic string: TOML and JSON escape it alike."""
    return json.dumps(text, ensure_ascii=False)


def _texts(texts: Sequence[str]) -> str:
    return f"[{', '.join(map(_text, texts))}]"


def _inline(values: Mapping[str, str]) -> str:
    return "{ " + ", ".join(f"{key} = {value}" for key, value in values.items()) + " }"


def _list(tables: Iterator[Mapping[str, str]]) -> str:
    return "[\n" + "".join(f"  {_inline(one)},\n" for one in tables) + "]"
