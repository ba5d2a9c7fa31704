"""A provider who duns: subscribers with invoices, days of a calendar, and what was done and said."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.dunning import DunningPolicy
from netbilld.billing.standing import Standing, StandingPolicy
from netbilld.services.manage_dunning import ManageDunning, PromisePolicy
from netbilld.services.manage_subscribers import ManageSubscribers
from netbilld.services.new_service import Defaults
from netbilld.services.run_dunning import DunningReport, RunDunning
from tests.integration.money_world import ZONE, Person, World, at

POLICY = DunningPolicy(StandingPolicy(0, time(0, 30), 1_000, ZONE))


@dataclass(frozen=True, slots=True)
class Done:
    """A step, as a test names it."""

    on: date
    step: str
    outcome: str


class DunningWorld(World):
    def __init__(self, database: Database, policy: DunningPolicy = POLICY, due_days: int = 10) -> None:
        super().__init__(database, due_days)
        box = SecretBox(bytes(range(32)))
        self.subscribers = ManageSubscribers(database, box, Defaults("IDR", ZONE))
        self.manage = ManageDunning(database, PromisePolicy(2, 7, ZONE))
        self.policy = policy

    @property
    def runner(self) -> RunDunning:
        return RunDunning(self.database, self.policy, self.subscribers)

    def with_policy(self, **changes: Any) -> None:
        standing = {
            name: changes.pop(name)
            for name in ("weekdays_off", "off_on_holidays", "restore_percent", "grace_days")
            if name in changes
        }
        self.policy = replace(self.policy, standing=replace(self.policy.standing, **standing), **changes)

    async def days(self, from_on: date, to_on: date) -> None:
        """Let every hour at which something may be due come, of [from_on, to_on]."""
        on = from_on
        while on <= to_on:
            for clock in (self.policy.standing.isolir_at, self.policy.remind_at):
                await self.run(instant(on, clock))
            on += timedelta(days=1)

    async def run(self, now: datetime) -> DunningReport:
        return await self.runner.run(now)

    async def steps(self, who: Person) -> list[Done]:
        """Return what was done about somebody, oldest first, without what was missed."""
        async with self.database.read() as work:
            found = await work.dunning.history(who.subscriber_id, 1_000)
        return [
            Done(one.at.astimezone(ZoneInfo(ZONE)).date(), _name(one), one.outcome)
            for one in reversed(found)
            if one.outcome != "missed"
        ]

    async def messages(self, who: Person) -> list[str]:
        """Return the keys of messages to somebody that were not withdrawn, oldest first."""
        async with self.database.read() as work:
            found = await work.outbox.listed(subscriber_id=who.subscriber_id, most=1_000)
        return [one.kind.value for one in reversed(found) if one.state.value != "withdrawn"]

    async def standing(self, who: Person, now: datetime) -> Standing:
        async with self.database.read() as work:
            (facts,) = await work.enforcement.facts([who.service_id], self.policy.standing, now)
        return facts.standing

    async def set(self, who: Person, **fields: Any) -> None:
        async with self.database.write() as work:
            await work.subscribers.update(who.subscriber_id, fields)

    async def number_of(self, who: Person) -> tuple[UUID, str]:
        async with self.database.read() as work:
            (invoice,) = await work.invoices.open_of(who.subscriber_id)
        assert invoice.number is not None
        return invoice.id, invoice.number


def instant(on: date, clock: time) -> datetime:
    return datetime.combine(on, clock, ZoneInfo(ZONE))


def _name(step: Any) -> str:
    if step.step == "reminder":
        return f"reminder {step.details['days']:+d}"
    if step.step == "late_fee":
        return f"late_fee {step.details['stage']}"
    return str(step.step)


def named(steps: Sequence[Done]) -> list[tuple[str, str]]:
    return [(step.on.isoformat(), step.step) for step in steps]


__all__ = ["POLICY", "Done", "DunningWorld", "at", "instant", "named"]
