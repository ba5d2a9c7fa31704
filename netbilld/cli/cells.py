"""Values as a person reads them in a table: local time, octets, durations, on or off."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

_STEPS: Final = ("B", "kB", "MB", "GB", "TB", "PB")


def local_time(at: datetime | None, timezone: str) -> str:
    """Return an instant in local time, to the second; empty for none."""
    return at.astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M:%S") if at else ""


def octets(count: int) -> str:
    """Return octets with a decimal unit, such as 1.50 GB; exact figures are what --json is for."""
    scaled, step = float(count), 0
    while abs(scaled) >= 999.995 and step < len(_STEPS) - 1:
        scaled, step = scaled / 1000, step + 1
    return f"{count} B" if step == 0 else f"{scaled:.2f} {_STEPS[step]}"


def speed(bps: int) -> str:
    """Return a speed in the largest decimal unit it reaches."""
    for unit, size in (("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 1000)):
        if bps >= size:
            return f"{bps / size:.1f} {unit}bit/s"
    return f"{bps} bit/s"


def duration(seconds: int) -> str:
    """Return seconds as 3d 04:05:06."""
    days, rest = divmod(seconds, 86_400)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days}d {clock}" if days else clock


def printable(name: str) -> str:
    """Return a name without what could move a terminal's cursor: whoever logs in chooses it."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in name)
