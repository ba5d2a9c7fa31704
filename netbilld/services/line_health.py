"""Is my internet fine? The checks of `explain` in the few words that help a subscriber, with nothing of what is inside.

Which router, address, device or method is nobody's business out there; what can be done at home is.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from netbilld.enforcement.explain import CheckName, Explanation, State
from netbilld.services.account_view import Balance


class Health(StrEnum):
    """How a line is; each has one sentence, and one of what to do."""

    FINE = "fine"
    SLOWED = "slowed"  # online, with the speed of fair use
    OPENING = "opening"  # open again, the network is about to follow
    LIMITED = "limited"  # by money, quota, a break or staff: the page says why
    PASSWORD = "password"  # noqa: S105 - the modem tries with a wrong one
    DEVICE = "device"  # the line is tied to another device or place
    ELSEWHERE = "elsewhere"  # all its sessions are in use
    HOURS = "hours"  # outside the hours of the plan
    OFFLINE = "offline"  # the modem does not ask for a connection
    SILENT = "silent"  # connected, and not heard of lately
    STARTING = "starting"
    OURS = "ours"  # something of ours is wrong
    UNKNOWN = "unknown"


TONES: Final = {
    Health.FINE: "good",
    Health.SLOWED: "warn",
    Health.OPENING: "info",
    Health.LIMITED: "bad",
    Health.PASSWORD: "bad",
    Health.DEVICE: "bad",
    Health.ELSEWHERE: "bad",
    Health.HOURS: "warn",
    Health.OFFLINE: "bad",
    Health.SILENT: "warn",
    Health.STARTING: "info",
    Health.OURS: "bad",
    Health.UNKNOWN: "quiet",
}
_BY_CHECK: Final = {
    CheckName.ACCOUNT: Health.LIMITED,
    CheckName.PASSWORD: Health.PASSWORD,
    CheckName.PLAN: Health.LIMITED,
    CheckName.MONEY: Health.LIMITED,
    CheckName.QUOTA: Health.LIMITED,
    CheckName.SESSIONS: Health.ELSEWHERE,
    CheckName.LOCK: Health.DEVICE,
    CheckName.POOL: Health.OURS,
    CheckName.NAS: Health.OURS,
    CheckName.LINK: Health.OFFLINE,
    CheckName.COA: Health.OURS,
}
_BY_CAUSE: Final = {
    "outside_hours": Health.HOURS,
    "accepted_without_session": Health.OURS,
    "session_limit_ghost": Health.OURS,
    "eap_failed": Health.OURS,
    "certificate_refused": Health.OURS,
    "wrong_method_stored": Health.OURS,
    "method_not_supported": Health.OURS,
    "refused_otherwise": Health.OURS,
    "unknown_user": Health.PASSWORD,
}


@dataclass(frozen=True, slots=True)
class LineHealth:
    """How a line is.

    Attributes:
        since: from when a live session is.
        heard_at: when it last reported.
        opens_at: of a plan with hours, when it lets in again.
    """

    health: Health
    since: datetime | None = None
    heard_at: datetime | None = None
    opens_at: datetime | None = None

    @property
    def tone(self) -> str:
        return TONES[self.health]


def line_health(found: Explanation, balance: Balance) -> LineHealth:
    """Return how a line is, by all the checks and by what is due."""
    online = found.online
    if balance.is_opening:
        return LineHealth(Health.OPENING)
    first = found.first
    if online is not None and (first is None or first.name not in _LIMITS) and balance.is_open:
        health = Health.SLOWED if balance.access is not None and balance.access.value == "throttled" else Health.FINE
        return LineHealth(health, online.started_at, online.updated_at)
    if first is not None:
        opens = first.values.get("opens")
        health = _BY_CAUSE.get(first.cause) or _BY_CHECK[first.name]
        return LineHealth(health, opens_at=opens if isinstance(opens, datetime) else None)
    if balance.due is not None and not balance.is_open:
        return LineHealth(Health.LIMITED)
    causes = {check.cause for check in found.checks if check.state in {State.WARNING, State.OK}}
    if "session_silent" in causes:
        return LineHealth(Health.SILENT)
    if "just_accepted" in causes:
        return LineHealth(Health.STARTING)
    return LineHealth(Health.UNKNOWN)


_LIMITS: Final = frozenset({CheckName.ACCOUNT, CheckName.PLAN, CheckName.MONEY, CheckName.QUOTA})
