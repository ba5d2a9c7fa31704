"""A small provider in a real database, for tests of enforcement."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert, select, update
from sqlalchemy.sql import ColumnElement

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import (
    accounts,
    credentials,
    desired,
    enforcement_attempts,
    invoices,
    nas,
    observed,
    pending_orders,
    plan_versions,
    plans,
    services,
    sessions,
    subscribers,
    usage_periods,
    usage_slices,
)
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.plan import Speed
from netbilld.billing.plan_file import parse_plan
from netbilld.billing.standing import StandingPolicy
from netbilld.enforcement.profile import Access, WalledGarden
from netbilld.radius.mschap import nt_hash
from netbilld.services.access_directory import AccessDirectory
from netbilld.services.entitle import Entitle
from tests.clock import StandingClock

NOW = datetime(2025, 3, 17, 5, 0, tzinfo=UTC)  # noon in Jakarta
PERIOD_START = date(2025, 3, 10)
GARDEN = WalledGarden("isolir", "isolir", Speed(256_000, 256_000))
POLICY = StandingPolicy(grace_days=0, isolir_at=time(0, 30), tolerance_minor=1000, timezone="Asia/Jakarta")
SECRET = b"testing123"
FUP = """
code = "FUP"
name = "Rumah 20"
timing = "postpaid"
charging = "flat"
[recurring]
price = 200000
period = "month"
[speed]
down = "20M"
up = "10M"
[allowance]
data = "1GB"
after = "throttle"
throttled = { down = "2M", up = "1M" }
"""


@dataclass
class World:
    database: Database
    box: SecretBox
    clock: StandingClock = field(default_factory=lambda: StandingClock(NOW))
    plan_version_id: UUID = field(default_factory=uuid4)
    _session: int = 0
    _number: int = 100_000

    async def open(self, plan: str = FUP) -> "World":
        plan_id = uuid4()
        definition = parse_plan(plan, "plan.toml", "IDR")
        async with self.database.write() as work:
            run = work.connection.execute
            await run(insert(plans).values(id=plan_id, code="FUP", code_key="fup", on_sale=True, created_at=NOW))
            await run(
                insert(plan_versions).values(
                    id=self.plan_version_id, plan_id=plan_id, version=1, name="Rumah 20", definition=definition,
                    created_at=NOW, actor="test",
                )
            )  # fmt: skip
        return self

    async def add_service(self, *names: str, **changes: Any) -> UUID:
        """Add a subscriber with a service that logs in by `names`, password `rahasia`."""
        service_id, subscriber_id = uuid4(), uuid4()
        self._number += 1
        async with self.database.write() as work:
            run = work.connection.execute
            await run(
                insert(subscribers).values(
                    id=subscriber_id, number=str(self._number), name="Budi", currency="IDR", status="active",
                    created_at=NOW,
                )
            )  # fmt: skip
            await run(
                insert(services).values(
                    **{
                        "id": service_id,
                        "subscriber_id": subscriber_id,
                        "plan_version_id": self.plan_version_id,
                        "status": "active",
                        "status_since_at": NOW,
                        "billing_day": 10,
                        "timezone": "Asia/Jakarta",
                        "activated_on": date(2025, 1, 10),
                        "created_at": NOW,
                        **changes,
                    }
                )
            )
            for offset, name in enumerate(names):
                credential_id = uuid4()
                await run(
                    insert(credentials).values(
                        id=credential_id,
                        service_id=service_id,
                        kind="password",
                        name=name,
                        name_key=name.casefold(),
                        password_sealed=self.box.seal(b"rahasia", f"credential.password:{credential_id}"),
                        nt_hash_sealed=self.box.seal(nt_hash(b"rahasia"), f"credential.nt_hash:{credential_id}"),
                        created_at=NOW + timedelta(seconds=offset),
                    )
                )
        return service_id

    async def add_nas(self, name: str, host: str, coa_port: int, **changes: Any) -> UUID:
        nas_id = uuid4()
        values = {
            "id": nas_id,
            "name": name,
            "name_key": name,
            "address": f"{host}/32",
            "secret_sealed": self.box.seal(SECRET, f"nas.secret:{nas_id}"),
            "vendor": "mikrotik",
            "coa_port": coa_port,
            "require_message_authenticator": "auto",
            "swap_octets": False,
            "portal_sources": [],
            "created_at": NOW,
        }
        async with self.database.write() as work:
            await work.connection.execute(insert(nas).values(values | changes))
        return nas_id

    async def log_in(
        self, nas_id: UUID, service_id: UUID | None, username: str, *, with_class: bool = True, **changes: Any
    ) -> int:
        """Open a session; with a Class it is seen with what is due now."""
        self._session += 1
        values = {
            "id": self._session,
            "nas_id": nas_id,
            "service_id": service_id,
            "username": username,
            "acct_session_id": f"81{self._session:06x}",
            "acct_session_key": f"81{self._session:06x}",
            "state": "live",
            "framed_ip": "10.1.2.3",
            "started_at": self.clock.now(),
            "updated_at": self.clock.now(),
            "session_seconds": 0,
            "upload_octets": 0,
            "download_octets": 0,
            "counter_upload_octets": 0,
            "counter_download_octets": 0,
            "swapped": False,
            "upload_bps": 0,
            "download_bps": 0,
        }
        async with self.database.write() as work:
            await work.connection.execute(insert(sessions).values(values | changes))
            if with_class and service_id is not None:
                due = (await work.enforcement.desired([service_id]))[service_id]
                await work.connection.execute(
                    insert(observed).values(
                        session_id=self._session,
                        service_id=service_id,
                        access=due.access.value,
                        profile_key=due.profile_key,
                        evidence="login",
                        observed_at=self.clock.now(),
                    )
                )
        return self._session

    async def log_out(self, session_id: int) -> None:
        async with self.database.write() as work:
            await work.connection.execute(
                update(sessions).where(sessions.c.id == session_id).values(stopped_at=self.clock.now(), state="closed")
            )

    async def use(self, service_id: UUID, octets: int, start_on: date = PERIOD_START) -> None:
        async with self.database.write() as work:
            await work.connection.execute(
                insert(usage_periods).values(
                    service_id=service_id, start_on=start_on, end_on=start_on + timedelta(days=31),
                    upload_octets=0, download_octets=octets, charged_minor=0,
                )
            )  # fmt: skip

    async def forget_usage(self, service_id: UUID) -> None:
        async with self.database.write() as work:
            await work.connection.execute(usage_periods.delete().where(usage_periods.c.service_id == service_id))

    async def measure(self, session_id: int, start_at: datetime, end_at: datetime, octets: int) -> None:
        service_id = select(sessions.c.service_id).where(sessions.c.id == session_id).scalar_subquery()
        async with self.database.write() as work:
            await work.connection.execute(
                insert(usage_slices).values(
                    service_id=service_id, session_id=session_id, start_at=start_at, end_at=end_at, upload_octets=0, download_octets=octets,
                    source="radius", estimated=False,
                )
            )  # fmt: skip

    async def invoice(self, service_id: UUID, due_on: date, total: int = 200_000, paid: int = 0) -> UUID:
        invoice_id = uuid4()
        async with self.database.write() as work:
            run = work.connection.execute
            owner = select(services.c.subscriber_id).where(services.c.id == service_id).scalar_subquery()
            await run(
                insert(invoices).values(
                    id=invoice_id, number=str(invoice_id)[:13], subscriber_id=owner,
                    status="part_paid" if paid else "issued", issued_on=due_on - timedelta(days=10), due_on=due_on,
                    period_start_on=due_on, period_end_on=due_on, timezone="Asia/Jakarta", currency="IDR",
                    tax_minor=0, total_minor=total, paid_minor=paid, created_at=NOW,
                )
            )  # fmt: skip
        return invoice_id

    async def pay(self, invoice_id: UUID) -> None:
        await self.set(invoices, invoices.c.id == invoice_id, status="paid", paid_minor=invoices.c.total_minor)

    async def wallet(self, service_id: UUID, balance_minor: int) -> None:
        async with self.database.write() as work:
            owner = select(services.c.subscriber_id).where(services.c.id == service_id).scalar_subquery()
            await work.connection.execute(
                insert(accounts).values(
                    code=f"wallet:{service_id}", kind="liability", subscriber_id=owner, currency="IDR",
                    balance_minor=balance_minor,
                )
            )  # fmt: skip

    async def set(self, table: Any, condition: ColumnElement[bool], **values: Any) -> None:
        async with self.database.write() as work:
            await work.connection.execute(update(table).where(condition).values(**values))

    def directory(self) -> AccessDirectory:
        return AccessDirectory(GARDEN, 300, "id")

    def entitle(self, directory: AccessDirectory | None = None) -> Entitle:
        return Entitle(self.database, self.directory() if directory is None else directory, self.box, POLICY, GARDEN)

    async def rows(self, table: Any) -> list[dict[str, Any]]:
        async with self.database.read() as work:
            order = table.c.id if "id" in table.c else next(iter(table.c))
            return [dict(row) for row in (await work.connection.execute(select(table).order_by(order))).mappings()]

    async def attempts(self) -> list[tuple[str, str]]:
        return [(row["action"], row["outcome"]) for row in await self.rows(enforcement_attempts)]

    async def pending(self) -> list[dict[str, Any]]:
        return await self.rows(pending_orders)

    async def seen(self, session_id: int) -> tuple[Access, str]:
        row = next(row for row in await self.rows(observed) if row["session_id"] == session_id)
        return Access(row["access"]), row["evidence"]

    async def due(self, service_id: UUID) -> dict[str, Any]:
        return next(row for row in await self.rows(desired) if row["service_id"] == service_id)
