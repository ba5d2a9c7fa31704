"""A small ISP for tests of the portal: rows straight in the store, and the portal on a real loopback port."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from os import urandom
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import insert, update

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.plan import Speed
from netbilld.billing.plan_file import parse_plan
from netbilld.daemon.own_parts import own_parts
from netbilld.daemon.policies import standing_policy, walled_garden
from netbilld.daemon.settings import PortalSettings, Settings
from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.panel.portal.app import create_portal, portal_runner
from netbilld.panel.portal.own_parts import OwnParts
from netbilld.panel.portal.parts import PortalParts
from netbilld.radius.realms import Realms
from netbilld.services.explain import Explain
from netbilld.services.manage_subscribers import ManageSubscribers
from netbilld.services.new_service import Defaults
from netbilld.services.sign_in_subscriber import name_key
from tests.loopback import served

ZONE: Final = "Asia/Jakarta"
NOW: Final = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)  # 12.00 in Jakarta
TODAY: Final = date(2026, 11, 22)

# Every 127.x.y.z is this machine's own: a client bound to one has that source address for real.
SITE: Final = "127.50.0.0/16"
ADDRESS: Final = "127.50.5.9"

HOME = """
code = "HOME20"
name = "Rumah 20 Mbps"
timing = "postpaid"
charging = "flat"
[recurring]
price = 200000
period = "month"
[speed]
down = "20M"
up = "10M"
[allowance]
data = "300GB"
after = "throttle"
throttled = { down = "2M", up = "1M" }
"""
QUOTA = """
code = "KUOTA100"
name = "Kuota 100 GB"
timing = "postpaid"
charging = "flat"
[recurring]
price = 150000
period = "month"
[speed]
down = "30M"
up = "10M"
[allowance]
data = "100GB"
after = "wall"
"""
PER_USE = """
code = "PAKAI"
name = "Bayar Sesuai Pakai"
timing = "prepaid"
charging = "per_use"
[speed]
down = "10M"
up = "5M"
[usage]
price_per_gb = 3000
"""
PREPAID = """
code = "PRA30"
name = "Prabayar 30 Hari"
timing = "prepaid"
charging = "flat"
[recurring]
price = 100000
period = "30d"
[speed]
down = "10M"
up = "5M"
"""
_ids = count(1)


@dataclass(frozen=True, slots=True)
class Person:
    """A subscriber with one service, as the tests know them."""

    subscriber_id: UUID
    service_id: UUID
    number: str
    username: str
    password: str


@dataclass(slots=True)
class World:
    """The store, and a clock that stands still until a test moves it."""

    database: Database
    box: SecretBox
    now: datetime = NOW
    numbers: Any = field(default_factory=lambda: count(100001))
    nudges: int = 0

    async def put(self, table: Any, **values: Any) -> None:
        async with self.database.write() as work:
            await work.connection.execute(insert(table).values(**values))

    async def nas(self, name: str, *portal_sources: str) -> UUID:
        nas_id = uuid4()
        await self.put(
            tables.nas,
            id=nas_id,
            name=name,
            name_key=name.casefold(),
            address=f"192.0.2.{next(_ids) % 250 + 1}/32",
            secret_sealed=b"",
            vendor="mikrotik",
            coa_port=3799,
            require_message_authenticator="auto",
            swap_octets=False,
            portal_sources=list(portal_sources),
            created_at=self.now,
        )
        return nas_id

    async def person(
        self,
        username: str,
        *,
        plan: str = HOME,
        name: str = "Budi Santoso",
        password: str = "rahasia123",
        billing_day: int = 5,
        paid_until_on: date | None = None,
        plan_name: str | None = None,
        phone: str | None = None,
        email: str | None = None,
        of: Person | None = None,
    ) -> Person:
        subscriber_id, service_id, plan_id, version_id, credential_id = (uuid4() for _ in range(5))
        number = str(next(self.numbers))
        if of is not None:
            subscriber_id, number = of.subscriber_id, of.number
        definition = parse_plan(plan, "plan.toml", "IDR")
        if plan_name is not None:
            definition["name"] = plan_name
        await self.put(
            tables.plans, id=plan_id, code=str(plan_id), code_key=str(plan_id), on_sale=True, created_at=self.now
        )
        await self.put(
            tables.plan_versions,
            id=version_id,
            plan_id=plan_id,
            version=1,
            name=definition["name"],
            definition=definition,
            created_at=self.now,
            actor="ani",
        )
        if of is None:
            await self.put(
                tables.subscribers,
                id=subscriber_id,
                number=number,
                name=name,
                phone=phone,
                email=email,
                address="Jalan Melati 7",
                currency="IDR",
                status="active",
                created_at=self.now,
            )
        await self.put(
            tables.services,
            id=service_id,
            subscriber_id=subscriber_id,
            plan_version_id=version_id,
            status="active",
            status_since_at=self.now,
            billing_day=billing_day,
            timezone=ZONE,
            activated_on=date(2026, 1, 5),
            paid_until_on=paid_until_on,
            created_at=self.now,
        )
        await self.put(
            tables.credentials,
            id=credential_id,
            service_id=service_id,
            kind="password",
            name=username,
            name_key=name_key(username),
            password_sealed=self.box.seal(password.encode(), f"credential.password:{credential_id}"),
            created_at=self.now,
        )
        return Person(subscriber_id, service_id, number, username, password)

    async def session(
        self,
        nas_id: UUID,
        person: Person | None,
        framed_ip: str | None = ADDRESS,
        *,
        state: str = "live",
        started_at: datetime | None = None,
        seen: Access | None = None,
        profile: ServiceProfile | None = None,
        **more: Any,
    ) -> int:
        session_id = next(_ids)
        started_at = started_at or self.now - timedelta(hours=3)
        await self.put(
            tables.sessions,
            id=session_id,
            nas_id=nas_id,
            service_id=person.service_id if person else None,
            username=person.username if person else "siapa",
            acct_session_id=f"{session_id:08x}",
            acct_session_key=f"{session_id:08x}",
            state=state,
            framed_ip=framed_ip,
            mac="AA:BB:CC:00:11:22",
            started_at=started_at,
            updated_at=self.now,
            stopped_at=self.now if state == "closed" else None,
            session_seconds=10_800,
            upload_octets=1_000_000_000,
            download_octets=9_000_000_000,
            counter_upload_octets=0,
            counter_download_octets=0,
            swapped=False,
            upload_bps=1_000_000,
            download_bps=12_000_000,
            **more,
        )
        if seen is not None and person is not None:
            await self.put(
                tables.observed,
                session_id=session_id,
                service_id=person.service_id,
                access=str(seen),
                profile_key=(profile or profile_of(seen)).key,
                evidence="login",
                observed_at=started_at,
            )
        return session_id

    async def due(
        self, person: Person, access: Access, reason: str, *, since_at: datetime | None = None, cause: str = "test"
    ) -> ServiceProfile:
        profile = profile_of(access)
        async with self.database.write() as work:
            await work.connection.execute(
                tables.desired.delete().where(tables.desired.c.service_id == person.service_id)
            )
            await work.connection.execute(
                insert(tables.desired).values(
                    service_id=person.service_id,
                    access=str(access),
                    reason=reason,
                    profile_key=profile.key,
                    profile=profile.to_json(),
                    cause=cause,
                    since_at=since_at or self.now - timedelta(hours=1),
                )
            )
        return profile

    async def used(
        self, person: Person, download_octets: int, upload_octets: int = 0, *, start_on: date = date(2026, 11, 5)
    ) -> None:
        await self.put(
            tables.usage_periods,
            service_id=person.service_id,
            start_on=start_on,
            end_on=date(2026, 12, 5),
            upload_octets=upload_octets,
            download_octets=download_octets,
            charged_minor=0,
        )

    async def used_hour(self, person: Person, hour_at: datetime, download_octets: int, upload_octets: int) -> None:
        await self.put(
            tables.usage_hours,
            service_id=person.service_id,
            hour_at=hour_at,
            upload_octets=upload_octets,
            download_octets=download_octets,
            charged_minor=0,
        )

    async def invoice(
        self,
        person: Person,
        number: str,
        due_on: date,
        *,
        total_minor: int = 200_000,
        paid_minor: int = 0,
        status: str = "issued",
        text: str = "Paket Rumah 20 Mbps",
    ) -> UUID:
        invoice_id = uuid4()
        await self.put(
            tables.invoices,
            id=invoice_id,
            number=number,
            subscriber_id=person.subscriber_id,
            status=status,
            issued_on=due_on - timedelta(days=10),
            due_on=due_on,
            period_start_on=due_on - timedelta(days=10),
            period_end_on=due_on + timedelta(days=20),
            timezone=ZONE,
            currency="IDR",
            tax_minor=0,
            total_minor=total_minor,
            paid_minor=paid_minor,
            created_at=self.now,
        )
        await self.put(
            tables.invoice_lines,
            invoice_id=invoice_id,
            position=1,
            service_id=person.service_id,
            kind="recurring",
            text=text,
            quantity=1,
            unit_price_minor=total_minor,
            per=1,
            amount_minor=total_minor,
        )
        return invoice_id

    async def settle(self, invoice_id: UUID) -> None:
        async with self.database.write() as work:
            await work.connection.execute(
                update(tables.invoices)
                .where(tables.invoices.c.id == invoice_id)
                .values(status="paid", paid_minor=tables.invoices.c.total_minor)
            )

    async def payment(
        self,
        person: Person,
        amount_minor: int,
        *,
        invoice_id: UUID | None = None,
        reference: str | None = None,
        recorded_at: datetime | None = None,
    ) -> UUID:
        payment_id = uuid4()
        await self.put(
            tables.payments,
            id=payment_id,
            subscriber_id=person.subscriber_id,
            amount_minor=amount_minor,
            currency="IDR",
            method="transfer",
            reference=reference,
            received_on=TODAY,
            recorded_at=recorded_at or self.now,
            actor="ani",
        )
        if invoice_id is not None:
            await self.put(
                tables.allocations,
                invoice_id=invoice_id,
                payment_id=payment_id,
                amount_minor=amount_minor,
                at=self.now,
            )
        return payment_id

    async def wallet(self, person: Person, balance_minor: int) -> None:
        await self.put(
            tables.accounts,
            code=f"wallet:{person.number}",
            kind="liability",
            subscriber_id=person.subscriber_id,
            currency="IDR",
            balance_minor=balance_minor,
        )

    def own(self, **allowed: Any) -> OwnParts:
        """Return what is behind the pages of who is signed in, as the daemon makes it."""
        settings = Settings(data_dir=Path("var"), portal=PortalSettings(**allowed))
        manage = ManageSubscribers(self.database, self.box, Defaults("IDR", ZONE))

        async def no_drops(_names: Sequence[str], _nas: str | None) -> dict[str, Any] | None:
            return None

        async def nudge() -> None:
            self.nudges += 1

        explain = Explain(
            self.database,
            standing_policy(settings),
            walled_garden(settings),
            no_drops,
            realms=Realms.of(settings.radius.realms),
            interim_seconds=300,
            silent_after_seconds=900,
        )
        return own_parts(settings, self.database, self.box, manage, explain, nudge)

    def parts(self, **settings: Any) -> PortalParts:
        """Return what the portal is handed."""
        made = {"store": self.database, "box": self.box, "now": lambda: self.now, "entropy": urandom}
        return PortalParts(**{"own": self.own(), **made, "business_name": "Desa Net", **settings})

    @asynccontextmanager
    async def portal(self, **settings: Any) -> AsyncIterator[str]:
        """Run the portal on a loopback port; give its base URL."""
        async with served(portal_runner(create_portal(self.parts(**settings)))) as url:
            yield url


def profile_of(access: Access) -> ServiceProfile:
    """Return a profile as the policy makes them."""
    if access is Access.BLOCKED:
        return ServiceProfile(access)
    if access is Access.WALLED:
        return ServiceProfile(access, Speed(256_000, 256_000), "isolir", "isolir")
    fast = access is Access.ACTIVE
    return ServiceProfile(access, Speed(20_000_000, 10_000_000) if fast else Speed(2_000_000, 1_000_000))
