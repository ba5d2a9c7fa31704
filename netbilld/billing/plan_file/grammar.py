"""Which keys a plan file may have, and how what is in its values is written."""

import re
from collections.abc import Mapping
from typing import Any, Final

PRICE_LIMIT_MINOR: Final = 10**12
PERIOD_DAYS_LIMIT: Final = 366
POOL_NAME_LIMIT: Final = 100
BURST_SECONDS_LIMIT: Final = 300
SESSIONS_LIMIT: Final = 1000
HOURS_LINES_LIMIT: Final = 50
LIST_LIMIT: Final = 50  # tables of a kind, tiers, steps
TRIAL_DAYS_LIMIT: Final = 366
PERIODS_LIMIT: Final = 120
PERCENT_LIMIT: Final = 1000
HOURS_LIMIT: Final = 10_000

CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
NAS_PROFILE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,99}")
IDLE_TIMEOUT: Final = re.compile(r"[1-9]\d{0,4}[smh]")
SECONDS_PER: Final = {"s": 1, "m": 60, "h": 3600}
DAYS: Final = re.compile(r"([1-9]\d{0,2})d")
REVENUE: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")
TAX_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
WEIGHT: Final = re.compile(r"(\d{1,3})/([1-9]\d{0,2})")
DURATION: Final = re.compile(r"([1-9]\d{0,5})([mh])")
OCTETS_PER: Final = {"GB": 10**9, "GiB": 2**30}
NO_TAX: Final = "none"

_SPEED: Final = ("down", "up", "burst", "priority", "minimum", "nas_profile")
_BURST: Final = ("down", "up", "threshold_down", "threshold_up", "seconds")
_EXTRA: Final = ("code", "name", "price", "revenue", "telecom")
KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "": (
        "code",
        "name",
        "timing",
        "charging",
        "trial_days",
        "free",
        "notify",
        "recurring",
        "fees",
        "speed",
        "allowance",
        "usage",
        "happy",
        "component",
        "price",
        "sale",
        "discount",
        "addon",
        "topup",
        "tax",
        "access",
        "address",
        "sessions",
        "lock",
        "hours",
        "outage",
    ),
    "recurring": ("price", "period", "bill", "prorata", "extends", "paused", "suspended"),
    "fees": ("installation", "deposit"),
    "speed": _SPEED,
    "speed.burst": _BURST,
    "speed.minimum": ("down", "up"),
    "allowance": ("data", "time", "counts", "after", "throttled", "prorata", "rollover", "steps"),
    "allowance.throttled": _SPEED,
    "allowance.throttled.burst": _BURST,
    "allowance.throttled.minimum": ("down", "up"),
    "allowance.rollover": ("periods", "cap"),
    "allowance.steps": ("percent", "down", "up"),
    "usage": ("price_per_gb", "price_per_hour", "gb", "tiers", "cap"),
    "usage.tiers": ("up_to", "price_per_gb", "price_per_hour"),
    "happy": ("name", "hours", "holidays", "free", "weight", "price_per_gb", "speed"),
    "happy.speed": ("down", "up"),
    "component": _EXTRA,
    "addon": _EXTRA,
    "price": ("group", "area", "price"),
    "sale": ("groups", "areas"),
    "discount": ("name", "percent", "amount", "periods"),
    "topup": ("code", "name", "price", "data", "time", "valid"),
    "tax": ("rate", "inclusive"),
    "access": ("overdue", "no_credit", "suspended", "idle_timeout"),
    "address": ("pool", "ipv6_pool", "delegated_pool"),
    "sessions": ("allowed", "second"),
    "lock": ("learn",),
    "hours": ("allowed",),
    "outage": ("access",),
}
LISTS: Final = ("happy", "component", "price", "discount", "addon", "topup")  # written as [[…]]

JSON = dict[str, Any]
