"""A world of prepaid services in the program's own database: who buys what out of the wallet, day by day."""

from datetime import date, timedelta

from sqlalchemy import select

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import services
from netbilld.services.renew_prepaid import RenewPrepaid
from netbilld.services.run_billing import RunBilling
from tests.money_oracle.drive import ACTOR, TAX, Town, noon
from tests.money_oracle.generate import World
from tests.money_oracle.life import DAY
from tests.money_oracle.prepaid import Meter


class Kiosk(Town):
    """Goes through a world of prepaid services and holds the program against the oracle."""

    def __init__(self, database: Database, world: World, billing: RunBilling) -> None:
        super().__init__(database, world, billing)
        self.renewing = RenewPrepaid(database, tax=TAX)
        self.meters = {life.name: Meter(life) for life in world.lives}

    async def live(self) -> None:
        """Renew every day, let people pay, and compare; the first difference is an AssertionError that names it."""
        await self._plans()
        day = self.world.first_on
        while day <= self.world.last_on:
            await self.renewing.run(now=noon(day), actor=ACTOR)
            for number in set(self.numbers.values()):
                self._look(number, day, day)
            await self._follow_thaws(day)
            await self._compare_days(f"seed {self.world.seed}, {day}, after renewing")
            for event in self.world.events:
                if event.on == day:
                    await self._happen(event)
            await self._pay(day)
            day += DAY
        await self._check_books()

    async def _pay(self, day: date) -> None:
        for money in self.world.money:
            if money.on == day and money.name in self.numbers:
                now = noon(day) + timedelta(hours=2, minutes=30)
                if await self.till.handle(self.numbers[money.name], money, now):
                    self._look(self.numbers[money.name], day, day + DAY)
                await self._compare_days(f"seed {self.world.seed}, {day}, after {money}")

    def _look(self, number: str, day: date, run_on: date) -> None:
        """Let the services of a subscriber buy what they need, those first that ran out first."""
        purse = self.till.opened(number)
        theirs = [self.meters[name] for name in self.ids if self.numbers[name] == number]
        for meter in sorted(theirs, key=lambda one: (one.paid_until_on or date.min, one.life.activated_on)):
            bought = len(meter.bought)
            price = meter.look(day, run_on, purse.wallet)
            purse.wallet -= price
            self.renewed += price
            self.months += len(meter.bought) - bought

    async def _paid_until(self) -> dict[str, date | None]:
        async with self.database.read() as work:
            rows = (await work.connection.execute(select(services.c.id, services.c.paid_until_on))).all()
        return {self.names[row.id]: row.paid_until_on for row in rows}

    async def _follow_thaws(self, day: date) -> None:
        """Take the days of a pause that were written down earlier, as another service of theirs was looked at."""
        for name, paid_until_on in (await self._paid_until()).items():
            self.meters[name].thaw_early(day, paid_until_on)

    async def _compare_days(self, where: str) -> None:
        """Assert until when everybody is paid for, and what they hold and owe."""
        found = await self._paid_until()
        expected = {name: self.meters[name].paid_until_on for name in self.ids}
        wrong = {name: (found[name], expected[name]) for name in found if found[name] != expected[name]}
        assert wrong == {}, f"{where}: {wrong}, {[self.meters[name] for name in wrong]}"
        await self.till.compare(where)
