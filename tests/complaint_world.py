"""What tests of complaints share: the services with photos in a directory, pictures, and people who complain."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

from PIL import Image
from sqlalchemy import insert

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.documents.photos import PhotoFiles
from netbilld.model.actor import Actor
from netbilld.model.permissions import Role
from netbilld.model.staff import Staff, email_key
from netbilld.panel.complaint_parts import ComplaintParts
from netbilld.ports.outbox import MessageKind
from netbilld.services.answer_survey import AnswerSurvey
from netbilld.services.complaint_steps import Doing
from netbilld.services.complaint_views import ComplaintFile
from netbilld.services.declare_outages import DeclareOutages
from netbilld.services.file_complaint import FileComplaint, NewComplaint
from netbilld.services.finish_work import FinishWork
from netbilld.services.handle_complaint import HandleComplaint
from netbilld.services.manage_categories import ManageCategories

ZONE: Final = "Asia/Jakarta"
NOW: Final = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)  # 10.00 in Jakarta
DESK: Final = Actor("ani@rumahnet.example", "127.0.0.1")
HOUR: Final = timedelta(hours=1)


def complaint_services(database: Database, photos: Path) -> ComplaintParts:
    kept = PhotoFiles(photos)
    return ComplaintParts(
        store=database,
        file=FileComplaint(database, kept, uuid4),
        handle=HandleComplaint(database, kept, uuid4),
        outages=DeclareOutages(database, uuid4),
        work=FinishWork(database, kept, uuid4),
        survey=AnswerSurvey(database),
        categories=ManageCategories(database),
        photos=kept,
    )


def picture(kind: str = "JPEG", size: tuple[int, int] = (64, 48), color: str = "red", **more: Any) -> bytes:
    """Return a photo as a camera writes it."""
    written = BytesIO()
    Image.new("RGB", size, color).save(written, kind, **more)
    return written.getvalue()


def secretive() -> bytes:
    """Return a photo that says where and by whom it was taken, and that was held upright."""
    image = Image.new("RGB", (400, 300), "green")
    exif = image.getexif()
    exif[0x0112] = 6  # turned by 90°
    exif[0x010F] = "KAMERA-RAHASIA"
    exif.get_ifd(0x8825)[1] = "S"  # GPSLatitudeRef
    written = BytesIO()
    image.save(written, "JPEG", exif=exif, comment=b"RUMAH-RAHASIA")
    return written.getvalue() + b"<?php DI-BELAKANG-GAMBAR ?>"


@dataclass(slots=True)
class Somebody:
    """A subscriber, as the tests know them."""

    id: UUID
    number: str


@dataclass(slots=True)
class ComplaintWorld:
    """The store, the services and a clock that is moved by hand."""

    database: Database
    directory: Path
    now: datetime = NOW
    people: int = 0
    services: ComplaintParts = field(init=False)

    def __post_init__(self) -> None:
        self.services = complaint_services(self.database, self.directory)

    async def put(self, table: Any, **values: Any) -> None:
        async with self.database.write() as work:
            await work.connection.execute(insert(table).values(**values))

    async def subscriber(self, name: str = "Budi Santoso", area: str | None = "Cibiru/RT 01", **more: Any) -> Somebody:
        self.people += 1
        somebody = Somebody(uuid4(), str(200_000 + self.people))
        values: dict[str, Any] = {
            "id": somebody.id,
            "number": somebody.number,
            "name": name,
            "phone": "+6281234567890",
            "email": f"p{self.people}@contoh.example",
            "address": "Jalan Melati 7",
            "area": area,
            "currency": "IDR",
            "status": "active",
            "created_at": NOW,
        }
        await self.put(tables.subscribers, **(values | more))
        return somebody

    async def staff(self, email: str = "tono@rumahnet.example", role: Role = Role.TECHNICAL, **more: Any) -> Staff:
        values: dict[str, Any] = {
            "id": uuid4(),
            "email": email,
            "email_key": email_key(email),
            "name": email.partition("@")[0].title(),
            "password_hash": "-",
            "role": role,
            "active": True,
            "must_change_password": False,
            "locale": None,
            "created_at": NOW,
        }
        member = Staff(**(values | more))
        async with self.database.write() as work:
            await work.staff.add(member)
        return member

    def doing(self, **more: Any) -> Doing:
        return Doing(more.pop("actor", DESK), self.now, **more)

    def own(self, who: Somebody, **more: Any) -> Doing:
        """Return what a subscriber does in the portal."""
        return Doing(Actor(f"subscriber {who.number}", "127.0.0.1"), self.now, by_subscriber=True, **more)

    async def complain(self, who: Somebody, category: str = "mati", text: str = "Mati sejak pagi", **more: Any) -> str:
        new = NewComplaint(category, text, "portal", photos=more.pop("photos", ()))
        return (await self.services.file.run(who.id, new, self.own(who, **more))).number

    async def file(self, number: str) -> ComplaintFile:
        async with self.database.read() as work:
            found = await work.complaint_views.file(number)
        assert found is not None
        return found

    async def messages(self, *kinds: MessageKind) -> list[Any]:
        """Return the outbox, oldest first; of these kinds, or all."""
        async with self.database.read() as work:
            found = await work.outbox.listed(most=1_000)
        return [one for one in reversed(found) if not kinds or one.kind in kinds]
