"""RaiseAlerts: what should have come about and has not is told to people, once, and so is when it has.

An alert follows from what is on record, looked at again and again; it is cleared by the same look that no longer finds
it. So a restart neither forgets one nor tells it twice.
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from netbilld.ports.clock import Clock

LINES_A_LOOK: Final = 20  # of one NAS that takes nothing with it thousands wait: the rest is told as a number
_log = logging.getLogger("netbilld.enforcement")


class AlertKind(StrEnum):
    """What is wrong."""

    NOT_DONE = "not_done"  # a session is not as it is due, and what was tried has not helped
    NO_ORDERS = "no_orders"  # a NAS answers no order
    NOT_BACK = "not_back"  # a service has not come back after its restoration


WORDS: Final = {
    AlertKind.NOT_DONE: "what is due is not done",
    AlertKind.NO_ORDERS: "takes no orders",
    AlertKind.NOT_BACK: "has not come back after its restoration",
}


@dataclass(frozen=True, slots=True)
class AlertPolicy:
    """When something becomes an alert.

    Attributes:
        done_seconds: a session that is not as it is due so long after, orders having been tried.
        return_seconds: a service that has been away for so long since its session was ended to give access back.
        silent_seconds: a NAS that has left its orders unanswered for so long.
    """

    done_seconds: float
    return_seconds: float
    silent_seconds: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong now; `subject` tells it from all others."""

    kind: AlertKind
    subject: str
    nas_id: UUID
    nas: str
    reason: str
    service_id: UUID | None = None
    username: str | None = None

    @property
    def text(self) -> str:
        """Return it as one line that names the service, the NAS and the reason."""
        about = f"{self.username!r} on NAS {self.nas}" if self.service_id is not None else f"NAS {self.nas}"
        return f"{about}: {WORDS[self.kind]}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Alert:
    """A trouble on record; `cleared_at` is None while it lasts."""

    alert_id: int
    trouble: Trouble
    raised_at: datetime
    cleared_at: datetime | None = None


class Alerts(Protocol):
    async def troubles(self, policy: AlertPolicy, now: datetime) -> Sequence[Trouble]: ...
    async def open(self) -> Sequence[Alert]: ...
    async def add(self, troubles: Sequence[Trouble], now: datetime) -> None: ...
    async def clear(self, alert_ids: Collection[int], now: datetime) -> None: ...


class Work(Protocol):
    @property
    def alerts(self) -> Alerts: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class RaiseAlerts:
    """Runs where orders are sent.

    Attributes:
        now_open: how many alerts of each kind there are.
        raised: how many of each kind there were since the start.
        on_alert: told of each that is raised or cleared.
    """

    def __init__(self, store: Store, clock: Clock, policy: AlertPolicy) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self.now_open: dict[AlertKind, int] = dict.fromkeys(AlertKind, 0)
        self.raised: dict[AlertKind, int] = dict.fromkeys(AlertKind, 0)
        self.on_alert: Callable[[Trouble, datetime, bool], None] | None = None

    async def look(self) -> None:
        """Raise what is wrong and clear what no longer is.

        Raises:
            StoreUnavailableError: the database is away.
        """
        now = self._clock.now()
        async with self._store.read() as work:
            found = {trouble.subject: trouble for trouble in await work.alerts.troubles(self._policy, now)}
            known = {alert.trouble.subject: alert for alert in await work.alerts.open()}
        fresh = [trouble for subject, trouble in found.items() if subject not in known]
        over = [alert for subject, alert in known.items() if subject not in found]
        if fresh or over:
            async with self._store.write() as work:
                await work.alerts.clear([alert.alert_id for alert in over], now)
                await work.alerts.add(fresh, now)
        self.now_open = dict.fromkeys(AlertKind, 0) | Counter(trouble.kind for trouble in found.values())
        for trouble in fresh:
            self.raised[trouble.kind] += 1
        self._say("alert", fresh, now, raised=True)
        self._say("mended", [alert.trouble for alert in over], now, raised=False)

    def _say(self, word: str, troubles: Sequence[Trouble], now: datetime, *, raised: bool) -> None:
        level = logging.WARNING if raised else logging.INFO
        event = "alert_raised" if raised else "alert_cleared"
        ordered = sorted(troubles, key=lambda trouble: trouble.service_id is not None)  # NAS first
        for trouble in ordered[:LINES_A_LOOK]:
            _log.log(level, "%s: %s", word, trouble.text, extra={"event": event, "nas": trouble.nas})
        rest = Counter((trouble.nas, trouble.kind) for trouble in ordered[LINES_A_LOOK:])
        for (nas, kind), count in sorted(rest.items()):
            _log.log(
                level,
                "%s: %d more services on NAS %s: %s; `netbilld enforce alerts` names them",
                word,
                count,
                nas,
                WORDS[kind],
                extra={"event": event, "nas": nas},
            )
        if self.on_alert is not None:
            for trouble in ordered:
                self.on_alert(trouble, now, raised)
