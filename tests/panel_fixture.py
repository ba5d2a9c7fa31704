"""A small ISP for tests of the panel, with believable figures, and the panel in front of it.

`python -m tests.panel_fixture` serves it on loopback, for looking at the pages.
"""

import asyncio
import logging
import random
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from argon2 import PasswordHasher
from sqlalchemy import insert, update

from netbilld.adapters.clock import SystemClock, entropy
from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.adapters.database.migrate import upgrade
from netbilld.adapters.passwords import Argon2Passwords
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.plan import Speed
from netbilld.billing.standing import StandingPolicy
from netbilld.enforcement.profile import Access, ServiceProfile, WalledGarden
from netbilld.model.actor import Actor
from netbilld.model.periods import local_date, local_midnight, monthly_period
from netbilld.model.permissions import Role
from netbilld.model.staff import Staff, email_key
from netbilld.panel.app import create_panel
from netbilld.panel.parts import PanelParts
from netbilld.radius.realms import Realms
from netbilld.services.control_sessions import ControlSessions
from netbilld.services.explain import Explain
from netbilld.services.manage_locks import ManageLocks
from netbilld.services.manage_plans import ManagePlans
from netbilld.services.manage_pools import ManagePools
from netbilld.services.manage_staff import ManageStaff
from netbilld.services.manage_subscribers import ManageSubscribers
from netbilld.services.new_service import Defaults, NewService
from netbilld.services.receive_payment import ReceivePayment

ZONE: Final = "Asia/Jakarta"
NOW: Final = datetime(2026, 11, 22, 8, 2, 7, tzinfo=UTC)  # 15.02.07 in Jakarta
PASSWORD: Final = "kuda-poni-merah-7"
PASSWORDS: Final = Argon2Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))  # tests wait less
POLICY: Final = StandingPolicy(grace_days=0, isolir_at=time(0, 30), tolerance_minor=1000, timezone=ZONE)
GARDEN: Final = WalledGarden("isolir", "isolir", Speed(256_000, 256_000))
SYSTEM: Final = Actor("ani@rumahnet.example", "127.0.0.1")

PLANS: Final = {
    "HOME20": """
code = "HOME20"
name = "Rumah 20 Mbps"
timing = "postpaid"
charging = "flat"
[recurring]
price = 275000
period = "month"
[speed]
down = "20M"
up = "10M"
[allowance]
data = "300GB"
after = "throttle"
throttled = { down = "2M", up = "1M" }
""",
    "KUOTA100": """
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
""",
    "PAKAI": """
code = "PAKAI"
name = "Bayar Sesuai Pakai"
timing = "prepaid"
charging = "per_use"
[speed]
down = "10M"
up = "5M"
[usage]
price_per_gb = 3000
""",
}
NAMES: Final = (
    "Budi Santoso", "Siti Aminah", "Agus Wijaya", "Dewi Lestari", "Eko Prasetyo", "Fitri Handayani", "Gunawan",
    "Hesti Purnama", "Indra Kurniawan", "Joko Susilo", "Kartika Sari", "Lukman Hakim", "Maya Anggraini",
    "Nur Hidayat", "Oki Ramadhan", "Putri Maharani", "Rahmat Hidayat", "Sri Wahyuni", "Toko Makmur Jaya",
    "Umar Faruq", "Vina Melati", "Wahyu Nugroho", "Yanti Susanti", "Zainal Abidin",
)  # fmt: skip
AREAS: Final = ("RT 01 Sukamaju", "RT 02 Sukamaju", "RT 05 Cibiru", "Desa Cilengkrang")


class StoppedClock:
    """A clock that stands still until a test moves it; monotonic time runs on, for streams."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return SystemClock().monotonic()


def profile_of(access: Access) -> ServiceProfile:
    if access is Access.BLOCKED:
        return ServiceProfile(access)
    if access is Access.WALLED:
        return ServiceProfile(access, Speed(256_000, 256_000), "isolir", "isolir")
    fast = access is Access.ACTIVE
    return ServiceProfile(access, Speed(20_000_000 if fast else 2_000_000, 10_000_000 if fast else 1_000_000))


@dataclass(slots=True)
class Person:
    number: str
    username: str
    service_id: UUID
    subscriber_id: UUID


@dataclass(slots=True)
class PanelWorld:
    """The store, the services and a clock."""

    database: Database
    box: SecretBox
    clock: StoppedClock | SystemClock = field(default_factory=lambda: StoppedClock(NOW))
    nudges: int = 0
    ids: Any = field(default_factory=lambda: count(1))

    def app(self, **changed: Any) -> web.Application:
        async def nudge() -> None:
            self.nudges += 1

        parts: dict[str, Any] = {
            "database": self.database,
            "manage_subscribers": ManageSubscribers(self.database, self.box, Defaults("IDR", ZONE)),
            "manage_locks": ManageLocks(self.database),
            "manage_pools": ManagePools(self.database),
            "receive_payment": ReceivePayment(self.database, timezone=ZONE),
            "manage_staff": ManageStaff(self.database, PASSWORDS),
            "passwords": PASSWORDS,
            "control_sessions": ControlSessions(self.database),
            "explain": Explain(
                self.database,
                POLICY,
                GARDEN,
                self.ask_drops,
                realms=Realms.of(()),
                interim_seconds=300,
                silent_after_seconds=900,
            ),
            "dropped": self.dropped,
            "clock": self.clock,
            "entropy": entropy,
            "timezone": ZONE,
            "locale": "id",
            "currency": "IDR",
            "business_name": "Rumah Net",
            "trusted_proxies": (),
            "session_hours": 12,
            "nudge": nudge,
            "health": lambda: {"ready": True, "reasons": []},
            "metrics": lambda: "# HELP netbilld_up up\nnetbilld_up 1\n",
        }
        return create_panel(PanelParts(**(parts | changed)))

    async def ask_drops(self, names: Sequence[str], nas: str | None) -> Mapping[str, Any] | None:
        del names, nas
        return {"names": [], "sources": []}

    async def dropped(self, nas: str) -> Sequence[Mapping[str, Any]]:
        del nas
        return ()

    async def put(self, table: Any, **values: Any) -> None:
        async with self.database.write() as work:
            await work.connection.execute(insert(table).values(**values))

    async def staff(self, role: Role = Role.ADMIN, email: str | None = None, **changed: Any) -> str:
        """Add a member of the staff; return the e-mail to sign in with."""
        email = email or f"{role.value}@rumahnet.example"
        values: dict[str, Any] = {
            "id": uuid4(),
            "email": email,
            "email_key": email_key(email),
            "name": "Ani Rahayu" if role is Role.ADMIN else role.value.title(),
            "password_hash": await PASSWORDS.hash(PASSWORD),
            "role": role,
            "active": True,
            "must_change_password": False,
            "locale": None,
            "created_at": self.clock.now(),
        }
        async with self.database.write() as work:
            await work.staff.add(Staff(**(values | changed)))
        return email

    async def nas(self, name: str = "cibiru-1", address: str = "192.0.2.1/32", **changed: Any) -> UUID:
        nas_id = uuid4()
        values: dict[str, Any] = {
            "id": nas_id,
            "name": name,
            "name_key": name.casefold(),
            "address": address,
            "secret_sealed": self.box.seal(b"rahasia-nas", f"nas.secret:{nas_id}"),
            "vendor": "mikrotik",
            "coa_port": 3799,
            "require_message_authenticator": "auto",
            "swap_octets": False,
            "portal_sources": ["10.20.0.0/16"],
            "reported_ip": address.partition("/")[0],
            "identifier": name,
            "created_at": self.clock.now() - timedelta(days=90),
            "last_heard_at": self.clock.now() - timedelta(seconds=2),
        }
        await self.put(tables.nas, **(values | changed))
        return nas_id

    async def plans(self) -> None:
        for code, text in PLANS.items():
            await ManagePlans(self.database, "IDR").add(text, f"{code}.toml", actor=SYSTEM, now=self.clock.now())

    async def person(
        self, username: str, name: str = "Budi Santoso", plan: str = "HOME20", billing_day: int = 5, **told: Any
    ) -> Person:
        manage = ManageSubscribers(self.database, self.box, Defaults("IDR", ZONE))
        new = NewService(
            username=username, plan=plan, password="sandi-dial-1", name=name, billing_day=billing_day, **told
        )
        added = await manage.add(new, SYSTEM, self.clock.now() - timedelta(days=60))
        async with self.database.read() as work:
            found = await work.subscribers.by_credential_name(username)
        assert found is not None
        return Person(added.subscriber_no, username, found.service.id, found.subscriber.id)

    async def due(
        self, person: Person, access: Access, reason: str, since_at: datetime, until_at: datetime | None = None
    ) -> None:
        profile = profile_of(access)
        await self.put(
            tables.desired,
            service_id=person.service_id,
            access=access.value,
            reason=reason,
            profile_key=profile.key,
            profile=profile.to_json(),
            cause="usage",
            since_at=since_at,
            until_at=until_at,
        )

    async def session(
        self, nas_id: UUID, person: Person | None, *, seen: Access = Access.ACTIVE, **changed: Any
    ) -> int:
        session_id: int = next(self.ids)
        now = self.clock.now()
        values: dict[str, Any] = {
            "id": session_id,
            "nas_id": nas_id,
            "service_id": person.service_id if person else None,
            "username": person.username if person else "siapa-ini",
            "acct_session_id": f"8100{session_id:04x}",
            "acct_session_key": f"8100{session_id:04x}",
            "state": "live",
            "framed_ip": f"10.20.{session_id // 250}.{session_id % 250 + 2}",
            "mac": f"48:8F:5A:00:{session_id // 256:02X}:{session_id % 256:02X}",
            "nas_source": "192.0.2.1",
            "started_at": now - timedelta(hours=7, minutes=13),
            "updated_at": now - timedelta(seconds=4),
            "session_seconds": 25_980,
            "upload_octets": 1_200_000_000,
            "download_octets": 9_800_000_000,
            "counter_upload_octets": 1_200_000_000,
            "counter_download_octets": 9_800_000_000,
            "swapped": False,
            "upload_bps": 1_400_000,
            "download_bps": 12_600_000,
        }
        await self.put(tables.sessions, **(values | changed))
        if person is not None:
            await self.put(
                tables.observed,
                session_id=session_id,
                service_id=person.service_id,
                access=seen.value,
                profile_key=profile_of(seen).key,
                evidence="login",
                observed_at=values["started_at"],
            )
        return session_id

    async def attempt(
        self, nas_id: UUID, person: Person, session_id: int, access: Access, reason: str, **changed: Any
    ) -> None:
        due_at = changed.pop("due_at", self.clock.now() - timedelta(minutes=3))
        values: dict[str, Any] = {
            "service_id": person.service_id,
            "session_id": session_id,
            "nas_id": nas_id,
            "action": "coa" if access in {Access.THROTTLED, Access.ACTIVE} else "disconnect",
            "access": access.value,
            "reason": reason,
            "profile_key": profile_of(access).key,
            "due_at": due_at,
            "sent_at": due_at + timedelta(milliseconds=180),
            "answered_at": due_at + timedelta(milliseconds=420),
            "verified_at": due_at + timedelta(seconds=5),
            "outcome": "verified",
        }
        await self.put(tables.enforcement_attempts, **(values | changed))

    async def invoice(self, person: Person, number: str, due_in_days: int, **changed: Any) -> UUID:
        """Issue an invoice straight into the tables, with its ledger entry."""
        today = local_date(self.clock.now(), ZONE)
        invoice_id = uuid4()
        values: dict[str, Any] = {
            "id": invoice_id,
            "number": number,
            "subscriber_id": person.subscriber_id,
            "status": "issued",
            "issued_on": today + timedelta(days=due_in_days - 10),
            "due_on": today + timedelta(days=due_in_days),
            "period_start_on": today + timedelta(days=due_in_days - 10),
            "period_end_on": today + timedelta(days=due_in_days + 20),
            "timezone": ZONE,
            "currency": "IDR",
            "tax_minor": 0,
            "total_minor": 275_000,
            "paid_minor": 0,
            "created_at": self.clock.now() + timedelta(days=due_in_days - 10),
        }
        await self.put(tables.invoices, **(values | changed))
        return invoice_id


async def seed(world: PanelWorld) -> list[Person]:
    """Fill a store with an evening of a small ISP: people online, one slowed down, some walled off, one blocked."""
    chance = random.Random(20)
    now = world.clock.now()
    today = local_date(now, ZONE)
    await world.plans()
    await world.staff()
    routers = [
        await world.nas("cibiru-1", "192.0.2.1/32"),
        await world.nas("cilengkrang-1", "192.0.2.2/32", last_heard_at=now - timedelta(minutes=34)),
    ]
    people = []
    for index, name in enumerate(NAMES):
        plan = ("HOME20", "HOME20", "KUOTA100", "PAKAI")[index % 4]
        username = re.sub(r"[^a-z]", ".", name.lower()) + "@rumahnet"
        told = {
            "phone": f"0812{chance.randrange(10**7, 10**8)}",
            "area": AREAS[index % 4],
            "address": f"Jalan Melati {index + 3}, {AREAS[index % 4]}",
        }
        people.append(await world.person(username, name, plan, billing_day=index % 28 + 1, **told))
    troubles: dict[int, tuple[Access, str]] = {
        2: (Access.WALLED, "quota"),
        4: (Access.THROTTLED, "fair_use"),
        7: (Access.WALLED, "no_credit"),
        8: (Access.THROTTLED, "fair_use"),
        9: (Access.WALLED, "overdue"),
        13: (Access.WALLED, "overdue"),
        20: (Access.BLOCKED, "suspended"),
    }
    for index, person in enumerate(people):
        access, reason = troubles.get(index, (Access.ACTIVE, "ok"))
        since = now - timedelta(minutes=chance.randrange(2, 600))
        await world.due(person, access, reason, since, now + timedelta(days=6) if access is Access.THROTTLED else None)
        period = monthly_period(now, index % 28 + 1, ZONE)
        limit = {"HOME20": 300 * 10**9, "KUOTA100": 100 * 10**9}.get(
            ("HOME20", "HOME20", "KUOTA100", "PAKAI")[index % 4], 60 * 10**9
        )
        share = 1.02 if reason in {"fair_use", "quota"} else chance.uniform(0.1, 0.93)
        async with world.database.write() as work:
            await work.connection.execute(
                insert(tables.usage_periods).values(
                    service_id=person.service_id,
                    start_on=period.start_on,
                    end_on=period.end_on,
                    upload_octets=int(limit * share * 0.12),
                    download_octets=int(limit * share * 0.88),
                    charged_minor=0,
                )
            )
            for day in range(30):
                start = local_midnight(today - timedelta(days=day), ZONE)
                down = int(chance.gammavariate(4, limit / 30 / 5))
                await work.connection.execute(
                    insert(tables.usage_hours).values(
                        service_id=person.service_id,
                        hour_at=start + timedelta(hours=9),
                        upload_octets=down // 8,
                        download_octets=down,
                        charged_minor=0,
                    )
                )
        if index in {11, 20, 22}:
            continue
        rate = {Access.ACTIVE: 20_000_000, Access.THROTTLED: 2_000_000}.get(access, 256_000)
        session_id = await world.session(
            routers[index % 5 == 3],
            person,
            seen=Access.ACTIVE if index == 13 else access,
            state="late" if index == 17 else "live",
            started_at=now - timedelta(minutes=chance.randrange(5, 4000)),
            updated_at=now - timedelta(seconds=chance.randrange(1, 300)),
            download_bps=int(rate * chance.uniform(0.02, 0.95)),
            upload_bps=int(rate * chance.uniform(0.01, 0.2)),
            download_octets=chance.randrange(10**8, 4 * 10**10),
            upload_octets=chance.randrange(10**7, 4 * 10**9),
        )
        if index == 13:
            await world.put(
                tables.pending_orders,
                session_id=session_id,
                service_id=person.service_id,
                profile_key=profile_of(access).key,
                attempts=3,
                next_attempt_at=now + timedelta(seconds=41),
                coa_refused=False,
                last_error="no answer from 192.0.2.2:3799",
            )
            await world.attempt(
                routers[1],
                person,
                session_id,
                access,
                reason,
                outcome="timed_out",
                verified_at=None,
                answered_at=None,
                due_at=since,
            )
        elif access is not Access.ACTIVE:
            await world.attempt(routers[0], person, session_id, access, reason, due_at=since)
    for index, days in ((9, -12), (13, -4), (0, 8), (4, 6), (5, 3)):
        await world.invoice(people[index], f"INV-2026-{index + 101:06d}", days)
    await world.invoice(people[9], "INV-2026-000044", -42, status="paid", paid_minor=275_000)
    for person in people[:10]:
        for step in range(6):
            await world.put(
                tables.auth_attempts,
                at=now - timedelta(minutes=17 * step + 3),
                nas_id=routers[0],
                username=person.username,
                username_key=person.username,
                service_id=person.service_id,
                method="mschapv2" if step % 2 else "chap",
                result="reject" if step == 3 else "accept",
                reason="wrong_password" if step == 3 else "ok",
                latency_us=310,
            )
    async with world.database.write() as work:
        level = 120.0
        for step in range(360):
            level = max(40.0, level + chance.uniform(-6, 6.2))
            await work.connection.execute(
                insert(tables.throughput_samples).values(
                    at=now - timedelta(seconds=10 * (359 - step)),
                    upload_bps=int(level * 130_000),
                    download_bps=int(level * 1_000_000),
                    sessions=21,
                )
            )
        await work.connection.execute(
            update(tables.services)
            .where(tables.services.c.id == people[20].service_id)
            .values(status="suspended", status_reason="Pindah rumah, modem dikembalikan")
        )
    await seed_pools(world, people, routers)
    return people


async def seed_pools(world: PanelWorld, people: Sequence[Person], routers: Sequence[UUID]) -> None:
    """Give the people online addresses of a pool; a small pool is full, and one address is two people's."""
    now = world.clock.now()
    manage = ManagePools(world.database)
    week = now - timedelta(days=7)
    await manage.add("rumah", "10.20.0.0/27", "ipv4", None, ["10.20.0.0-10.20.0.1"], SYSTEM, week)
    await manage.add("toko", "10.30.0.0/30", "ipv4", None, [], SYSTEM, week)
    await manage.add("lan", "2001:db8:8000::/40", "delegated", 56, ["2001:db8:8000::/56"], SYSTEM, week)
    async with world.database.write() as work:
        pools = {pool.name: pool for pool in await work.addresses.pools()}
        online = [session for session in await work.addresses.open_sessions() if session.nas_id == routers[0]]
        stolen, station = online[0], {session.service_id: session.mac for session in online}
        rows = [
            (pools["toko"], f"10.30.0.{number}", people[(0, 1, 20, 22)[number]], now + timedelta(seconds=95) if number == 3 else None)
            for number in range(4)
        ]  # fmt: skip
        rows += [(pools["lan"], f"2001:db8:8000:{number}00::/56", people[number], None) for number in range(1, 9)]
        for pool, address, person, held_until_at in rows:
            await work.connection.execute(
                insert(tables.address_leases).values(
                    pool_id=pool.id, address=address, service_id=person.service_id, nas_id=routers[0],
                    session_key=station.get(person.service_id), taken_at=now - timedelta(minutes=41), held_until_at=held_until_at,
                )
            )  # fmt: skip
        await work.connection.execute(
            update(tables.address_leases)
            .where(tables.address_leases.c.address == stolen.framed_ip)
            .values(service_id=people[11].service_id, session_key="48:8F:5A:00:00:99")
        )
        await work.connection.execute(
            update(tables.address_leases)
            .where(tables.address_leases.c.address.in_(["2001:db8:8000:700::/56", "2001:db8:8000:800::/56"]))
            .values(released_at=now - timedelta(minutes=12))
        )
        await work.connection.execute(
            update(tables.nas).where(tables.nas.c.id == routers[1]).values(suspect_since_at=now - timedelta(minutes=34))
        )


class Browser:
    """A client that keeps cookies and fills in our own forms' tokens."""

    def __init__(self, client: TestClient[web.Request, web.Application]) -> None:
        self.client = client

    async def page(self, path: str, **options: Any) -> str:
        async with self.client.get(path, **options) as answer:
            assert answer.status == 200, (path, answer.status, (await answer.text())[-600:])
            return await answer.text()

    async def token(self, path: str = "/profile") -> str:
        found = re.search(r'name="csrf" value="([^"]+)"', await self.page(path))
        assert found is not None
        return found[1]

    async def send(self, path: str, form: dict[str, str] | None = None, **options: Any) -> ClientResponse:
        """Send one of our forms as a browser does."""
        data = {"csrf": await self.token()} | (form or {})
        return await self.client.post(path, data=data, allow_redirects=False, **options)

    async def sign_in(self, email: str, password: str = PASSWORD, **options: Any) -> ClientResponse:
        token = await self.token("/signin")
        data = {"csrf": token, "email": email, "password": password}
        return await self.client.post("/signin", data=data, allow_redirects=False, **options)


def client_of(app: web.Application) -> TestClient[web.Request, web.Application]:
    return TestClient(TestServer(app))


async def _serve() -> None:
    logging.basicConfig(level=logging.INFO)
    with tempfile.TemporaryDirectory() as place:
        database = Database(sqlite_url(Path(place) / "netbilld.db"))
        await upgrade(database)
        world = PanelWorld(database, SecretBox(bytes(32)), SystemClock())
        await seed(world)
        runner = web.AppRunner(world.app())
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 18080).start()
        print(f"http://127.0.0.1:18080  admin@rumahnet.example  {PASSWORD}", flush=True)  # noqa: T201 - its purpose
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
