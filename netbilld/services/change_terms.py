"""What a service is billed by is changed from a day on: at once where that is today, else when the day has come."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.billing.changeover import Calendar, fee_began_on, is_upgrade, next_period_on
from netbilld.billing.overrides import overrides_of
from netbilld.billing.plan import Plan
from netbilld.billing.terms import Terms, amended, plan_under, terms_on
from netbilld.model.errors import InvalidInputError
from netbilld.model.periods import local_date
from netbilld.model.subscriber import Service
from netbilld.ports.outbox import Message, MessageKind, Outbox
from netbilld.services.live_rating import Counting, recount
from netbilld.services.subscriber_fields import parse_day

FROM_NOW: Final = "now"
FROM_NEXT: Final = "next"


class Version(Protocol):
    @property
    def id(self) -> UUID: ...
    @property
    def code(self) -> str: ...
    @property
    def plan(self) -> Plan: ...


class Plans(Protocol):
    async def versions(self, version_ids: Collection[UUID]) -> Mapping[UUID, Version]: ...


class TermsBook(Protocol):
    async def of(self, service_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Terms]]: ...

    async def replace_from(
        self, service_id: UUID, day: date, rows: Sequence[Terms], *, at: datetime, applied: Collection[date]
    ) -> None: ...


class Services(Protocol):
    async def update(self, service_id: UUID, fields: Mapping[str, Any]) -> None: ...


class Work(Counting, Protocol):
    @property
    def plans(self) -> Plans: ...
    @property
    def terms(self) -> TermsBook: ...
    @property
    def services(self) -> Services: ...
    @property
    def outbox(self) -> Outbox: ...


@dataclass(frozen=True, slots=True)
class TermsChanged:
    """A change and the day from which it holds; `waits` where that is still to come."""

    from_on: date
    waits: bool


class TermsOfService:
    """The terms of one service, which the caller's transaction holds, and the ways to change them."""

    def __init__(self, work: Work, service: Service, rows: Sequence[Terms], versions: Mapping[UUID, Version]) -> None:
        self._work, self._service, self._rows, self._versions = work, service, list(rows), dict(versions)

    @classmethod
    async def load(cls, work: Work, service: Service) -> "TermsOfService":
        """Read them with all the plan versions they name."""
        rows = (await work.terms.of([service.id]))[service.id]
        return cls(work, service, rows, await work.plans.versions({one.plan_version_id for one in rows}))

    def today(self, now: datetime) -> date:
        """Return the service's local day, and its first one before that."""
        return max(local_date(now, self._service.timezone), self._rows[0].from_on)

    def on(self, day: date) -> Terms:
        """Return the terms of a day, of its first one for a day before that."""
        return terms_on(self._rows, day) or self._rows[0]

    def plan_on(self, day: date) -> Plan:
        """Return the plan of a day as the service has it."""
        terms = self.on(day)
        return plan_under(self._versions[terms.plan_version_id].plan, terms)

    def plan_told(self, today: date, to: Version) -> Plan:
        """Return what the subscriber has last heard of: today's plan, or one to come that `to` takes back."""
        plan = self.plan_on(today)
        others = [one for one in self.planned(today) if self._versions[one.plan_version_id].code != plan.code]
        return self.plan_on(others[-1].from_on) if plan.code == to.code and others else plan

    def planned(self, after: date) -> list[Terms]:
        """Return the terms of later days, in order."""
        return [one for one in self._rows if one.from_on > after]

    def last_by(self, actor: str) -> date | None:
        """Return the last day from which something holds that somebody has changed; None where they have nothing."""
        return max((one.from_on for one in self._rows[1:] if one.actor == actor), default=None)

    def starting_day(self, written: str | None, today: date, new: Version | None) -> date:
        """Return from which day a change holds.

        Args:
            written: `now`, `next`, a day, or None for what the plans say: an upgrade today, a downgrade next period.
            today: the service's local day.
            new: the version it is to have; None where it keeps its plan, which is from today unless said otherwise.

        Raises:
            InvalidInputError: it is none of these, or a day that is over.
        """
        if written is None:
            cheaper = new is not None and is_upgrade(plan_under(new.plan, self.on(today)), self.plan_on(today))
            written = FROM_NEXT if cheaper else FROM_NOW
        if written == FROM_NOW:
            return today
        if written == FROM_NEXT:
            plans = {key: version.plan for key, version in self._versions.items()}
            began = fee_began_on(self._rows, plans, today)
            calendar = Calendar(self._service.billing_day, began, self._service.paid_until_on)
            return next_period_on(self.plan_on(today), calendar, today)
        day = parse_day("from", written)
        if day < today:
            raise InvalidInputError(f"--from {day} is over", hint=f"allowed: now, next, or a day from {today} on")
        return day

    async def change(self, day: date, now: datetime, *, to: Version | None = None, **changes: Any) -> TermsChanged:
        """Store a change from a day on, and move the service to it where that day has come.

        Args:
            day: today or later.
            now: the instant it is written down with.
            to: the plan version it has from then on; None leaves it.
            changes: further fields of Terms; `reason`, `actor` and `is_reset` are of that day's row.
        """
        if to is not None:
            self._versions[to.id] = to
        rows = amended(self._rows, day, plan_version_id=to.id if to is not None else None, **changes)
        return await self._store(day, rows, now)

    async def move(
        self, day: date, froms: Collection[UUID], to: Version, now: datetime, *, reason: str, actor: str
    ) -> TermsChanged:
        """Let it have `to` from a day on wherever it has one of `froms`; changes to other plans stay as planned."""
        self._versions[to.id] = to
        rows = [
            replace(row, plan_version_id=to.id) if row.plan_version_id in froms else row
            for row in amended(self._rows, day, reason=reason, actor=actor)
        ]
        return await self._store(day, rows, now)

    async def _store(self, day: date, rows: list[Terms], now: datetime) -> TermsChanged:
        today = self.today(now)
        applied = {one.from_on for one in rows if one.from_on <= today}
        await self._work.terms.replace_from(self._service.id, day, rows, at=now, applied=applied)
        self._rows = [one for one in self._rows if one.from_on < day] + rows
        if day <= today:
            await self._work.services.update(self._service.id, self.columns(today))
            await recount(self._work, [self._service.id], now)
        return TermsChanged(day, waits=day > today)

    def columns(self, day: date) -> dict[str, Any]:
        """Return what stands at the service for the terms of a day."""
        due = self.on(day)
        plan = self._versions[due.plan_version_id].plan
        return {"plan_version_id": due.plan_version_id, "overrides": overrides_of(plan, due)}

    async def tell(self, subscriber_id: UUID, before: Plan, after: Plan, changed: TermsChanged, now: datetime) -> None:
        """Let the subscriber be told of another plan."""
        key = f"plan_changed:{self._service.id}:{changed.from_on}:{before.code}:{after.code}"
        context = {"old_plan": before.name, "new_plan": after.name, "from_on": changed.from_on.isoformat()}
        await self._work.outbox.add(Message(MessageKind.PLAN_CHANGED, subscriber_id, context, key), now)
