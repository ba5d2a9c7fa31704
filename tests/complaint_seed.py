"""A week of complaints over the panel's seeded town: each state, a work order, an outage, a survey, a silent NAS."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from netbilld.adapters.database import tables
from netbilld.model.actor import Actor
from netbilld.model.permissions import Role
from netbilld.services.answer_survey import Answers
from netbilld.services.complaint_steps import Doing
from netbilld.services.declare_outages import NewOutage
from netbilld.services.file_complaint import NewComplaint
from netbilld.services.finish_work import WorkDone
from tests.complaint_world import complaint_services, picture
from tests.panel_fixture import PanelWorld, Person

TECHNICIAN: Final = "tono@rumahnet.example"
_SAID: Final = (
    ("mati", "Internet mati sejak tadi pagi, lampu LOS di modem merah. Sudah saya matikan dan nyalakan.", 0.4),
    ("lambat", "Malam hari lambat sekali, video berhenti terus.", 3),
    ("putus", "Sering putus tiap setengah jam.", 30),
    ("tagihan", "Tagihan bulan ini kok naik?", 6),
    ("wifi", "Wi-Fi di kamar belakang tidak sampai.", 1),
    ("pindah", "Mau pindah ke rumah baru di RT 05.", 50),
    ("mati", "Mati lagi.", 2),
    ("lambat", "Upload tidak jalan.", 5),
    ("putus", "Putus tiap hujan.", 26),
)


async def complain(world: PanelWorld, people: Sequence[Person]) -> list[str]:
    """Fill a seeded store with complaints; return their numbers."""
    services, now = complaint_services(world.database, world.photos), world.clock.now()
    await world.staff(Role.TECHNICAL, TECHNICIAN, name="Tono Wibowo")
    await world.staff(Role.SERVICE, "rani@rumahnet.example", name="Rani Kusuma")

    def own(person: Person, at: datetime) -> Doing:
        return Doing(Actor(f"subscriber {person.number}", "10.0.0.9"), at, by_subscriber=True)

    def desk(hours: float) -> Doing:
        return Doing(Actor("admin@rumahnet.example", "127.0.0.1"), now - timedelta(hours=hours))

    numbers = []
    for at, (category, text, hours) in enumerate(_SAID):
        person = people[at * 2]
        photos = [picture("JPEG", (800, 600), color) for color in ("teal", "brown")] if at in {0, 2} else []
        new = NewComplaint(category, text, "portal" if at % 2 else "staff", person.service_id, photos)
        filed = await services.file.run(person.subscriber_id, new, own(person, now - timedelta(hours=hours)))
        numbers.append(filed.number)
    for at in (2, 4, 7, 8):
        await services.handle.assign(numbers[at], TECHNICIAN, desk(2), "bawa tangga")
    for at in (2, 4):
        await services.handle.start(numbers[at], desk(1))
    rat = "Kabel drop digigit tikus, saya ganti siang ini."
    await services.handle.note(numbers[2], rat, desk(0.8), public=True, photos=[picture("JPEG", (600, 800), "gray")])
    await services.work.place(numbers[2], "-6.914744,107.609810", desk(0))
    done = WorkDone(
        "Repeater dipasang di ruang tengah",
        "1 repeater, 5 m kabel UTP",
        signed_by="Ibu Dewi",
        before=[picture("JPEG", (640, 480), "navy")],
        after=[picture("JPEG", (640, 480), "olive")],
        is_resolved=True,
    )
    await services.work.run(numbers[4], done, "Tono Wibowo", desk(0))
    await services.handle.take(numbers[3], "rani@rumahnet.example", desk(3))
    await services.handle.resolve(numbers[3], "Ada pro rata pindah paket; rinciannya sudah dikirim.", desk(2))
    await services.handle.close(numbers[3], desk(1))
    answers = Answers(5, 4, 5, solved=True, remark="Cepat dijawab, terima kasih.")
    await services.survey.run(numbers[3], answers, own(people[6], now), owner=people[6].subscriber_id)
    dug = "Kabel fiber ke Cibiru putus kena galian. Petugas sudah di lokasi."
    outage = NewOutage(dug, now - timedelta(minutes=40), "RT 05 Cibiru", expected_at=now + timedelta(hours=2))
    await services.outages.declare(outage, desk(0))
    silent = tables.nas.update().where(tables.nas.c.name == "cilengkrang-1")
    async with world.database.write() as work:
        await work.connection.execute(silent.values(suspect_since_at=now - timedelta(minutes=30)))
    return numbers
