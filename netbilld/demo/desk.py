"""What lies on the desk of the demo's provider: staff by role, complaints, an outage, money that nobody has named yet.

All of it comes about by the services that the pages use, so that every page has something to show from the first click.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from netbilld.adapters.database.engine import Database
from netbilld.adapters.passwords import Argon2Passwords
from netbilld.billing.holidays import Holiday
from netbilld.daemon.complaints import complaint_parts
from netbilld.daemon.compose_money import money_parts
from netbilld.daemon.settings import Settings
from netbilld.demo.scenario import FAIR_USE_STAR, LIE_STAR, Home
from netbilld.model.actor import Actor
from netbilld.model.periods import local_date
from netbilld.panel.complaint_parts import ComplaintParts
from netbilld.services.complaint_steps import Doing
from netbilld.services.declare_outages import NewOutage
from netbilld.services.file_complaint import NewComplaint
from netbilld.services.manage_staff import ManageStaff, NewStaff

TECHNICIAN: Final = "dodi@demo.example"
_DESK: Final = "maya@demo.example"
STAFF: Final = (
    ("rina@demo.example", "accounting", "Rina"),
    (TECHNICIAN, "technical", "Dodi"),
    ("yuli@demo.example", "cashier", "Yuli"),
    ("tono@demo.example", "collector", "Tono"),
    (_DESK, "service", "Maya"),
)
_BY_DESK: Final = Actor(_DESK, "demo")
_BY_TECHNICIAN: Final = Actor(TECHNICIAN, "demo")
_BY_DEMO: Final = Actor("demo", "demo")


@dataclass(frozen=True, slots=True)
class _Told:
    """A complaint: whose of the homes, what, how many hours ago, and how far it has come."""

    home: int
    category: str
    text: str
    hours_ago: int
    reaches: str = ""  # assigned, progress, resolved, closed


_COMPLAINTS: Final = (
    _Told(12, "mati", "Internet mati sejak tadi pagi, lampu LOS merah.", 3),
    _Told(7, "lambat", "Malam hari lambat sekali, YouTube berhenti terus.", 26, "assigned"),
    _Told(21, "putus", "Sering putus kalau hujan.", 9, "progress"),
    _Told(33, "tagihan", "Kenapa tagihan bulan ini lebih besar?", 50, "resolved"),
    _Told(40, "wifi", "Sinyal Wi-Fi tidak sampai ke kamar belakang.", 66, "closed"),
)


async def fill_desk(settings: Settings, database: Database, homes: list[Home], password: str, now: datetime) -> None:
    """Let people have worked here for some days.

    Args:
        settings: the demo's.
        database: with the town in it.
        homes: who lives in it.
        password: of everybody on the staff, made anew with each demo.
        now: the moment the demo begins.
    """
    staff = ManageStaff(database, Argon2Passwords())
    for email, role, name in STAFF:
        await staff.add(NewStaff(email, password, role, name, phone="081200000000"), _BY_DEMO, now)
    complaints = complaint_parts(settings, database)
    for told in _COMPLAINTS:
        await _complain(complaints, database, homes[told.home].username, told, now)
    began_at = now - timedelta(minutes=40)
    outage = NewOutage(
        "Kabel feeder putus di depan pos RW, tim sedang menyambung.",
        began_at,
        area=homes[12].area,
        expected_at=now + timedelta(hours=2),
    )
    await complaints.outages.declare(outage, Doing(_BY_TECHNICIAN, now))
    await _money(settings, database, homes, now)


async def _complain(complaints: ComplaintParts, database: Database, username: str, told: _Told, now: datetime) -> None:
    at = now - timedelta(hours=told.hours_ago)
    filed = await complaints.file.run(
        await _subscriber(database, username),
        NewComplaint(told.category, told.text, "staff"),
        Doing(_BY_DESK, at),
    )
    steps = ("assigned", "progress", "resolved", "closed")
    reached = steps.index(told.reaches) + 1 if told.reaches else 0
    hour = timedelta(hours=1)
    if reached >= 1:
        await complaints.handle.assign(filed.number, TECHNICIAN, Doing(_BY_DESK, at + hour))
    if reached >= 2:
        await complaints.handle.start(filed.number, Doing(_BY_TECHNICIAN, at + 2 * hour))
        words = "Kami ke lokasi sore ini."
        await complaints.handle.note(filed.number, words, Doing(_BY_TECHNICIAN, at + 2 * hour), public=True)
    if reached >= 3:
        done = Doing(_BY_TECHNICIAN, at + 5 * hour)
        await complaints.handle.resolve(filed.number, "Sudah diperiksa bersama pelanggan dan beres.", done)
    if reached >= 4:
        await complaints.handle.close(filed.number, Doing(_BY_DESK, at + 30 * hour))


async def _money(settings: Settings, database: Database, homes: list[Home], now: datetime) -> None:
    """A day off, paper on its way, and a bank statement in which one transfer has no name."""
    parts, today = money_parts(settings, database), local_date(now, settings.timezone)
    await parts.manage_holidays.put([Holiday(today + timedelta(days=3), "Libur desa")], _BY_DEMO, now)
    numbers = [await _invoice(database, homes[number].username) for number in (4, 9, 14)]
    for number in numbers:
        await parts.manage_paper.printed(number, _BY_DESK, now)
    for number in numbers[1:]:
        await parts.manage_paper.handed_over(number, "Kurir desa", None, _BY_DESK, now)
    lines = [
        "tanggal,keterangan,kredit\n",
        f"{today:%d/%m/%Y},TRSF E-BANKING {homes[0].name.upper()},200000\n",
        f"{today:%d/%m/%Y},SETORAN TUNAI,137500\n",
        f"{today:%d/%m/%Y},TRSF {FAIR_USE_STAR.upper()} {LIE_STAR.upper()},50000\n",
    ]
    await parts.import_bank_statement.run(
        lines, "generic", file_name="mutasi.csv", reject=lambda _row: None, actor=_BY_DEMO, now=now
    )


async def _subscriber(database: Database, username: str) -> UUID:
    async with database.read() as work:
        found = await work.subscribers.by_credential_name(username)
    assert found is not None, "it was added before"  # noqa: S101
    return found.subscriber.id


async def _invoice(database: Database, username: str) -> str:
    """Return the number of somebody's newest invoice."""
    subscriber_id = await _subscriber(database, username)
    async with database.read() as work:
        (newest,) = await work.invoices.listed(subscriber_id=subscriber_id, limit=1)
    return newest.number
