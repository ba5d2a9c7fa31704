"""The tables of a plan file that say how a service runs: speed, access, addresses, sessions, locks, hours, outage."""

from typing import get_args

from netbilld.billing.hours import WEEK_MINUTES
from netbilld.billing.plan import Closing
from netbilld.billing.plan_file.definition import CLOSED
from netbilld.billing.plan_file.grammar import (
    BURST_SECONDS_LIMIT,
    IDLE_TIMEOUT,
    JSON,
    NAS_PROFILE,
    POOL_NAME_LIMIT,
    SECONDS_PER,
    SESSIONS_LIMIT,
)
from netbilld.billing.plan_file.reader import Reader, TomlTable, shown
from netbilld.model.service_lock import LockKind, SecondLogin

_OPEN = "open"
_WAYS = ("down", "up")


def read_service_tables(reader: Reader, top: TomlTable) -> JSON:
    """Return what these tables say, by the key of the definition; a table that is absent has none, but for access."""
    found: JSON = {"access": _access(reader, reader.table(top, "access") or TomlTable({}, "access"))}
    if address := reader.table(top, "address"):
        found["address"] = {key: _pool(reader, address, key) for key in address.values}
    if sessions := reader.table(top, "sessions"):
        found["sessions"] = _sessions(reader, sessions)
    if lock := reader.table(top, "lock"):
        found["lock"] = {"learn": _learned(reader, lock)}
    if hours := reader.table(top, "hours"):
        lines, spans = reader.hours(hours, "allowed", "leave [hours] out for always")
        found["hours"] = {"allowed": lines, "spans": [] if spans == [[0, WEEK_MINUTES]] else spans}
    if outage := reader.table(top, "outage"):
        found["outage"] = {"access": reader.one_of(outage, "access", [_OPEN, CLOSED])}
    return found


def read_speed(reader: Reader, table: TomlTable, within: JSON | None = None) -> JSON:
    """Return a speed with all that may go with it; `within` is the speed it may not be above."""
    speed = read_rates(reader, table)
    if burst := reader.table(table, "burst"):
        speed["burst"] = _burst(reader, burst, speed)
    if (priority := table.get("priority")) is not None:
        speed["priority"] = reader.whole(table, "priority", priority, 1, 8)
    if minimum := reader.table(table, "minimum"):
        speed["minimum"] = read_rates(reader, minimum)
        for key in _WAYS:
            if speed["minimum"][f"{key}_bps"] > speed[f"{key}_bps"]:
                reader.refuse(minimum.path(key), "the minimum is above the speed itself")
    if table.get("nas_profile") is not None:
        allowed = "1 to 100 letters, digits, '.', '_', ':', '/', '@' or '-'"
        speed["nas_profile"] = reader.matching(table, "nas_profile", NAS_PROFILE, allowed)
    if within is not None:
        refuse_above(reader, table, speed, within, "the throttled speed is above the plan's own")
    return speed


def read_rates(reader: Reader, table: TomlTable) -> JSON:
    """Return down and up alone."""
    return {"down_bps": reader.rate(table, "down"), "up_bps": reader.rate(table, "up")}


def refuse_above(reader: Reader, table: TomlTable, speed: JSON, within: JSON, problem: str) -> None:
    """Refuse a speed that is above another."""
    for key in _WAYS:
        if speed[f"{key}_bps"] > within[f"{key}_bps"]:
            reader.refuse(table.path(key), problem)


def _burst(reader: Reader, table: TomlTable, speed: JSON) -> JSON:
    burst = {f"{key}_bps": reader.rate(table, key) for key in ("down", "up", "threshold_down", "threshold_up")}
    for key in _WAYS:
        if burst[f"{key}_bps"] < speed[f"{key}_bps"]:
            reader.refuse(table.path(key), "the burst is below the speed itself")
        if burst[f"threshold_{key}_bps"] > burst[f"{key}_bps"]:
            reader.refuse(table.path(f"threshold_{key}"), "the threshold is above the burst")
    burst["seconds"] = reader.whole(table, "seconds", table.get("seconds"), 1, BURST_SECONDS_LIMIT)
    return burst


def _access(reader: Reader, table: TomlTable) -> JSON:
    closings = [closing.value for closing in Closing]
    access: JSON = {
        key: reader.one_of(table, key, closings, default=Closing.WALL.value)
        for key in ("overdue", "no_credit", "suspended")
    }
    if table.get("idle_timeout") is not None:
        allowed = '"90s", "10m" or "2h", from a minute to a day'
        written = reader.matching(table, "idle_timeout", IDLE_TIMEOUT, allowed)
        seconds = int(written[:-1]) * SECONDS_PER[written[-1]]
        if not 60 <= seconds <= 86_400:
            reader.refuse(table.path("idle_timeout"), f"{shown(written)} is not allowed; allowed: {allowed}")
        access["idle_seconds"] = seconds
    return access


def _pool(reader: Reader, table: TomlTable, key: str) -> str:
    value = reader.text(table, key)
    if not 0 < len(value) <= POOL_NAME_LIMIT or not value.isprintable() or value != value.strip():
        reader.refuse(table.path(key), f"{shown(value)} is not a pool's name; allowed: 1 to 100 characters")
    return value


def _sessions(reader: Reader, table: TomlTable) -> JSON:
    return {
        "allowed": reader.whole(table, "allowed", table.get("allowed"), 1, SESSIONS_LIMIT),
        "second": reader.one_of(table, "second", list(get_args(SecondLogin)), default="replace"),
    }


def _learned(reader: Reader, table: TomlTable) -> list[str]:
    kinds = get_args(LockKind)
    learn = reader.texts(table, "learn")
    for kind in learn:
        if kind not in kinds:
            offered = ", ".join(f'"{word}"' for word in kinds)
            reader.refuse(table.path("learn"), f"{shown(kind)} is not allowed; allowed: {offered}")
    return [kind for kind in kinds if kind in learn]
