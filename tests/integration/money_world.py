"""A small ISP for tests of money: plans, subscribers and services straight in the store, days of a calendar."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import insert

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import usage_periods
from netbilld.billing.books import check_books
from netbilld.billing.chart import Payer
from netbilld.billing.postings import usage_charged
from netbilld.model.actor import Actor
from netbilld.model.subscriber import Credential, CredentialKind, Service, Subscriber
from netbilld.services.manage_plans import ManagePlans
from netbilld.services.receive_payment import AlreadyReceived, PaymentReceipt, ReceivePayment
from netbilld.services.run_billing import BillingReport, RunBilling

ZONE = "Asia/Jakarta"
ACTOR = Actor("ani", "cli")


def plan_file(
    code: str = "HOME20",
    price: int = 200_000,
    timing: str = "postpaid",
    period: str = "month",
    extra: str = "",
) -> str:
    return f"""
code = "{code}"
name = "Paket {code}"
timing = "{timing}"
charging = "flat"
[recurring]
price = {price}
period = "{period}"
[speed]
down = "20M"
up = "10M"
{extra}"""


PER_USE = """
code = "KUOTA"
name = "Bayar sesuai pakai"
timing = "prepaid"
charging = "per_use"
[speed]
down = "10M"
up = "5M"
[usage]
price_per_gb = 3000
"""


def hybrid_file(data: str, tiers: str, more: str = "") -> str:
    """Return a plan of 100,000 a month with so much data, and tiers beyond it."""
    return f"""
code = "HYBRID"
name = "Hybrid"
timing = "postpaid"
charging = "hybrid"
[recurring]
price = 100000
period = "month"
[speed]
down = "20M"
up = "10M"
[allowance]
data = "{data}"
after = "charge"
[usage]
tiers = [{tiers}]
{more}"""


def at(on: date, hour: int = 9) -> datetime:
    return datetime.combine(on, time(hour), ZoneInfo(ZONE)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Person:
    subscriber_id: UUID
    service_id: UUID
    number: str
    username: str

    @property
    def payer(self) -> Payer:
        return Payer(self.subscriber_id, self.number, "IDR")


class World:
    def __init__(self, database: Database, due_days: int = 10) -> None:
        self.database = database
        self.plans = ManagePlans(database, "IDR")
        self.billing = RunBilling(database, due_days=due_days, timezone=ZONE)
        self.payments = ReceivePayment(database, timezone=ZONE)

    async def plan(self, text: str) -> None:
        await self.plans.add(text, "plan.toml", actor=ACTOR, now=at(date(2020, 1, 1)))

    async def person(
        self,
        username: str,
        plan: str = "HOME20",
        *,
        activated_on: date,
        billing_day: int | None = None,
        of: Person | None = None,
        paid_until_on: date | None = None,
        status: str = "active",
    ) -> Person:
        now = at(activated_on)
        async with self.database.write() as work:
            version = await work.plans.by_code(plan)
            assert version is not None
            if of is None:
                number = (await work.subscribers.next_numbers(1))[0]
                subscriber_id = uuid4()
                await work.subscribers.add(
                    Subscriber(subscriber_id, number, username.title(), None, None, None, None, "IDR", "active", now)
                )
            else:
                number, subscriber_id = of.number, of.subscriber_id
            service_id = uuid4()
            await work.services.add(
                Service(
                    id=service_id,
                    subscriber_id=subscriber_id,
                    plan_version_id=version.id,
                    status=status,
                    status_reason=None,
                    status_since_at=now,
                    billing_day=billing_day or activated_on.day,
                    timezone=ZONE,
                    activated_on=activated_on,
                    paid_until_on=paid_until_on,
                    static_ip=None,
                    created_at=now,
                    ended_at=now if status == "ended" else None,
                )
            )
            kind = CredentialKind.PASSWORD.value
            await work.services.add_credentials(
                Credential(uuid4(), service_id, kind, username, username.casefold(), None, None, now)
            )
        return Person(subscriber_id, service_id, number, username)

    async def bill(self, on: date, *, dry_run: bool = False) -> BillingReport:
        return await self.billing.run(as_of=on, now=at(on, 1), actor=ACTOR, dry_run=dry_run)

    async def pay(
        self,
        who: Person | str,
        amount: int,
        on: date,
        *,
        reference: str | None = None,
        method: str = "cash",
        key: str | None = None,
    ) -> PaymentReceipt:
        outcome = await self.pay_raw(who, amount, on, reference=reference, method=method, key=key)
        assert isinstance(outcome, PaymentReceipt)
        return outcome

    async def pay_raw(
        self,
        who: Person | str,
        amount: int,
        on: date,
        *,
        reference: str | None = None,
        method: str = "cash",
        key: str | None = None,
    ) -> PaymentReceipt | AlreadyReceived:
        return await self.payments.run(
            who if isinstance(who, str) else who.username,
            amount,
            method=method,
            reference=reference,
            received_on=on,
            actor=ACTOR,
            now=at(on, 10),
            idempotency_key=key,
        )

    async def use(self, who: Person, amount_minor: int, on: date) -> None:
        """Charge metered usage as the meter does: the ledger and the period's own figure in one transaction."""
        async with self.database.write() as work:
            entry = usage_charged(who.payer, who.service_id, amount_minor, "usage")
            await work.ledger.post(entry, at=at(on), booked_on=on, actor=ACTOR)
            await work.connection.execute(
                insert(usage_periods).values(
                    service_id=who.service_id,
                    start_on=on,
                    end_on=on,
                    upload_octets=0,
                    download_octets=0,
                    charged_minor=amount_minor,
                )
            )

    async def balance(self, who: Person) -> tuple[int, int]:
        """Return (wallet, outstanding)."""
        async with self.database.read() as work:
            balance = await work.ledger.balance(who.subscriber_id)
        return balance.wallet_minor, balance.outstanding_minor

    async def assert_books_hold(self) -> None:
        async with self.database.read() as work:
            results = check_books(await work.ledger.figures())
        assert all(result.ok for result in results), [result for result in results if not result.ok]
