"""A small ISP for tests of the panel, with believable figures, and the panel in front of it."""

import atexit
import re
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final
from uuid import UUID, uuid4

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from argon2 import PasswordHasher
from sqlalchemy import insert

from netbilld.adapters.clock import SystemClock, entropy
from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.passkeys import WebauthnAuthenticators
from netbilld.adapters.passwords import Argon2Passwords
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.payment import Plausibility
from netbilld.billing.plan import Speed
from netbilld.billing.standing import StandingPolicy
from netbilld.billing.tax import NOTHING_TAXED
from netbilld.daemon.api import api_parts
from netbilld.daemon.compose_money import money_parts
from netbilld.daemon.gateway_settings import GatewaySettings
from netbilld.daemon.gateways import Gateways
from netbilld.daemon.message_pages import message_parts
from netbilld.daemon.selling import selling_parts
from netbilld.daemon.settings import Settings
from netbilld.enforcement.brake import BrakePolicy
from netbilld.enforcement.profile import Access, ServiceProfile, WalledGarden
from netbilld.model.actor import Actor
from netbilld.model.periods import local_date
from netbilld.model.permissions import Role
from netbilld.model.staff import Staff, email_key
from netbilld.panel.app import create_panel
from netbilld.panel.parts import PanelParts, PasskeyParts, SecurityParts
from netbilld.panel.people_parts import PeopleParts
from netbilld.radius.realms import Realms
from netbilld.services.brake import Brake
from netbilld.services.control_sessions import ControlSessions
from netbilld.services.decide_doubts import DecideDoubts
from netbilld.services.doctor_nas import Step
from netbilld.services.doctor_runs import DoctorRuns, Run
from netbilld.services.explain import Explain
from netbilld.services.export_people import ExportPeople
from netbilld.services.import_subscribers import ImportSubscribers
from netbilld.services.keep_records import KeepRecords
from netbilld.services.manage_buyers import ManageBuyers
from netbilld.services.manage_locks import ManageLocks
from netbilld.services.manage_plans import ManagePlans
from netbilld.services.manage_pools import ManagePools
from netbilld.services.manage_staff import ManageStaff
from netbilld.services.manage_subscribers import ManageSubscribers
from netbilld.services.manage_terms import ManageTerms
from netbilld.services.new_service import Defaults, NewService
from netbilld.services.own_requests import OwnRequests
from netbilld.services.passkeys import Passkeys
from netbilld.services.pause_service import PauseService
from netbilld.services.preview_plan import PreviewPlan
from netbilld.services.propose_jobs import ProposeJobs
from netbilld.services.receive_payment import ReceivePayment
from netbilld.services.replace_nas import ReplaceNas
from netbilld.services.run_jobs import RunJobs
from netbilld.services.second_factor import SecondFactor
from netbilld.services.sell_top_up import SellTopUp
from tests.clock import StandingClock
from tests.complaint_world import complaint_services
from tests.examined import SickNas, examined

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


async def healthy() -> dict[str, object]:
    return {"ready": True, "reasons": []}


async def counted() -> str:
    return "# HELP netbilld_up up\nnetbilld_up 1\n"


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


@cache
def _photo_room() -> Path:
    """Return the directory of this process's photos, which goes with it."""
    room = Path(mkdtemp(prefix="netbilld-photos-"))
    atexit.register(shutil.rmtree, room, ignore_errors=True)
    return room


# Read once: each looks at the whole environment, and every test makes several.
LOCAL = Settings(timezone=ZONE)
ANYWHERE = Settings(data_dir=Path("var"))
_NOBODY = "http://127.0.0.1:9"
WITH_GATEWAY = Settings(
    timezone=ZONE,
    gateways=GatewaySettings.model_validate(
        {"midtrans": {"server_key": "none-such", "core_url": _NOBODY, "snap_url": _NOBODY}}
    ),
)


@dataclass(slots=True)
class PanelWorld:
    """The store, the services and a clock."""

    database: Database
    box: SecretBox
    clock: SystemClock = field(default_factory=lambda: StandingClock(NOW))
    nudges: int = 0
    photos: Path = field(default_factory=lambda: Path(mkdtemp(dir=_photo_room())))
    ids: Any = field(default_factory=lambda: count(1))

    def app(self, **changed: Any) -> web.Application:
        async def nudge() -> None:
            self.nudges += 1

        parts: dict[str, Any] = {
            "database": self.database,
            "manage_subscribers": ManageSubscribers(self.database, self.box, Defaults("IDR", ZONE)),
            "manage_locks": ManageLocks(self.database),
            "manage_pools": ManagePools(self.database),
            "replace_nas": ReplaceNas(self.database, self.box),
            "receive_payment": ReceivePayment(self.database, timezone=ZONE, plausibility=Plausibility(1_000_000, 6)),
            "manage_staff": ManageStaff(self.database, PASSWORDS),
            "passwords": PASSWORDS,
            "control_sessions": ControlSessions(self.database),
            "decide_doubts": DecideDoubts(self.database, ZONE),
            "brake": Brake(self.database, BrakePolicy(percent=20, least=20)),
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
            "doctor": self.doctor(),
            "clock": self.clock,
            "entropy": entropy,
            "timezone": ZONE,
            "locale": "id",
            "currency": "IDR",
            "business_name": "Rumah Net",
            "trusted_proxies": (),
            "session_hours": 12,
            "nudge": nudge,
            "api": api_parts(ANYWHERE, self.database, self.box, self.clock, entropy, nudge),
            "health": healthy,
            "security": self.security(),
            "own_requests": OwnRequests(self.database),
            "complaints": complaint_services(self.database, self.photos),
            "people": self.people_parts(),
            "metrics": counted,
            "money": money_parts(LOCAL, self.database),
            "gateways": self.gateways().panel_parts(),
            "autopay": self.gateways().autopay.parts,
            "messages": message_parts(LOCAL, self.database, self.box),
            "selling": selling_parts(LOCAL, self.database, self.box),
        }
        return create_panel(PanelParts(**(parts | changed)))

    def security(
        self, *, totp_roles: Collection[Role] = (), one_login: bool = False, public_url: str | None = None
    ) -> SecurityParts:
        passkeys = Passkeys(self.database, WebauthnAuthenticators(), entropy, totp_roles)
        factor = SecondFactor(self.database, self.box, entropy, "Rumah Net", totp_roles)
        return SecurityParts(
            factor, ManageBuyers(self.database, self.box), one_login, PasskeyParts(passkeys, public_url)
        )

    def gateways(self) -> Gateways:
        """Return payment gateways that nobody answers for; tests with one that answers bring their own."""
        return Gateways(WITH_GATEWAY, self.database, self.box, self.clock, lambda: None)

    def people_parts(self) -> PeopleParts:
        return PeopleParts(
            records=KeepRecords(self.database),
            terms=ManageTerms(self.database),
            pause=PauseService(self.database),
            top_ups=SellTopUp(self.database, NOTHING_TAXED),
            preview=PreviewPlan(self.database),
            jobs=ProposeJobs(self.database, self.box, Defaults("IDR", ZONE)),
            exports=ExportPeople(self.database),
            box=self.box,
        )

    def worker(self) -> RunJobs:
        """Return who does the jobs that pages start."""

        async def nudge() -> None:
            self.nudges += 1

        def importing() -> ImportSubscribers:
            return ImportSubscribers(self.database, self.box, Defaults("IDR", ZONE), due_days=10)

        return RunJobs(
            self.database,
            self.box,
            self.clock,
            manage_subscribers=ManageSubscribers(self.database, self.box, Defaults("IDR", ZONE)),
            manage_terms=ManageTerms(self.database),
            importing=importing,
            nudge=nudge,
        )

    def doctor(self) -> DoctorRuns:
        """Return one who has examined the first NAS already."""
        runs = DoctorRuns(SickNas(), self.clock.now)
        runs._runs["cibiru-1"] = Run(self.clock.now(), frozenset(Step), examined("cibiru-1", self.clock.now()))
        return runs

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


def plain(text: str) -> str:
    """Return a page's text with the spaces of every width that people type."""
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")


def client_of(app: web.Application) -> TestClient[web.Request, web.Application]:
    return TestClient(TestServer(app))
