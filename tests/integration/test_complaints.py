"""Complaints: numbered, acknowledged, worked on by the table of states, told to whom they concern, measured."""

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.model.actor import Actor
from netbilld.model.complaint import Category
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.permissions import Role
from netbilld.ports.outbox import MessageKind, MessageState
from netbilld.services import handle_complaint
from netbilld.services.areas import Areas
from netbilld.services.close_complaints import CloseComplaints
from netbilld.services.complaint_report import report, satisfaction
from netbilld.services.complaint_views import Wanted
from netbilld.services.file_complaint import NewComplaint
from netbilld.services.finish_work import WorkDone, parse_place
from tests.complaint_world import DESK, HOUR, NOW, ZONE, ComplaintWorld, picture, secretive

STATE = MessageKind.COMPLAINT_STATE
DAY = timedelta(days=1)


@pytest.fixture
def world(database: Database, tmp_path: Path) -> ComplaintWorld:
    return ComplaintWorld(database, tmp_path / "photos")


async def test_a_complaint_gets_a_number_and_an_acknowledgement(world: ComplaintWorld) -> None:
    """KAMIL-6: category, text and photo; a number that is never given twice, and a message."""
    budi = await world.subscriber()
    first = await world.complain(budi, photos=[picture()])
    second = await world.complain(budi, "lambat", "Malam saja")
    assert (first, second) == ("K00001", "K00002")
    file = await world.file(first)
    assert (file.complaint.state.value, file.category.code, file.complaint.text) == ("new", "mati", "Mati sejak pagi")
    assert (file.complaint.respond_by, file.complaint.resolve_by) == (NOW + HOUR, NOW + 24 * HOUR)
    assert (file.complaint.area, file.complaint.via) == ("Cibiru/RT 01", "portal")
    assert [photo.kind for photo in file.photos] == ["report"]
    told = await world.messages()
    assert [(one.kind, one.subscriber_id, one.context["number"]) for one in told] == [
        (MessageKind.COMPLAINT_RECEIVED, budi.id, first),
        (MessageKind.COMPLAINT_RECEIVED, budi.id, second),
    ]


async def test_two_at_once_get_two_numbers_and_one_key_gets_one(world: ComplaintWorld) -> None:
    budi, siti = await world.subscriber(), await world.subscriber("Siti")
    numbers = await asyncio.gather(*(world.complain(who) for who in (budi, siti, budi, siti)))
    assert len(set(numbers)) == 4
    same = await asyncio.gather(*(world.complain(budi, key="portal:k") for _ in range(4)))
    assert len(set(same)) == 1
    with pytest.raises(RefusedError, match="was used for a different"):
        await world.complain(budi, text="Lain", key="portal:k")


async def test_photos_are_drawn_anew_without_what_the_camera_said(world: ComplaintWorld) -> None:
    budi = await world.subscriber()
    file = await world.file(await world.complain(budi, photos=[secretive()]))
    (photo,) = file.photos
    assert (photo.width, photo.height) == (300, 400)  # turned upright by what the camera said, and that is gone
    kept = await world.services.photos.read(photo.file)
    assert kept is not None
    assert kept.startswith(b"\xff\xd8\xff")
    for secret in (b"RAHASIA", b"Exif", b"GPS", b"php"):
        assert secret not in kept
    assert await world.services.photos.read("../../etc/passwd") is None
    assert await world.services.photos.read("0" * 40 + ".jpg") is None


async def test_what_is_no_photo_keeps_nothing(world: ComplaintWorld) -> None:
    budi = await world.subscriber()
    huge = picture("PNG", (1, 1)) + b"0" * (8 * 1024 * 1024)
    wide = picture("PNG", (5_000, 4_001))
    for content, code in (
        (b"", "bad_photo"), (b"MZ" + b"\0" * 99, "bad_photo"), (b"<svg/>", "bad_photo"), (picture("GIF"), "bad_photo"),
        (picture()[:200], "bad_photo"), (huge, "photo_too_large"), (wide, "photo_pixels"),
    ):  # fmt: skip
        with pytest.raises(InvalidInputError) as refused:
            await world.complain(budi, photos=[content])
        assert refused.value.code == code
    with pytest.raises(InvalidInputError, match="at most 3 photos"):
        await world.complain(budi, photos=[picture()] * 4)
    assert await world.messages() == []
    assert not world.directory.exists()


async def test_a_complaint_has_room_for_so_many_photos_and_for_any_words(
    world: ComplaintWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handle_complaint, "MOST_PHOTOS_OF_ONE", 2)
    number = await world.complain(await world.subscriber(), photos=[picture(), picture()])
    handle = world.services.handle
    with pytest.raises(RefusedError) as refused:
        await handle.note(number, "satu lagi", world.doing(), public=True, photos=[picture()])
    assert refused.value.code == "photos_full"
    await handle.note(number, "tanpa foto", world.doing(), public=True)
    file = await world.file(number)
    assert len(file.photos) == 2
    assert [step.text for step in file.steps if step.text] == ["tanpa foto"]


async def test_what_can_not_be_is_refused(world: ComplaintWorld) -> None:
    budi = await world.subscriber()
    for category, text, code in (
        ("mati", "  \n ", "text_missing"), ("mati", "x" * 2_001, "text_too_long"), ("apa", "x", "category_unknown"),
        ("mati", "\0\0", "text_missing"),
    ):  # fmt: skip
        with pytest.raises(InvalidInputError) as refused:
            await world.complain(budi, category, text)
        assert refused.value.code == code
    new = NewComplaint("mati", "x", "portal")
    with pytest.raises(NotFoundError):
        await world.services.file.run(uuid4(), new, world.doing())
    for call in (
        world.services.handle.start("K99999", world.doing()),
        world.services.handle.resolve("K99999", "x", world.doing()),
        world.services.handle.note("K99999", "x", world.doing(), public=True),
    ):
        with pytest.raises(NotFoundError):
            await call


async def test_every_change_of_state_is_told_and_the_technician_is_told_of_the_job(world: ComplaintWorld) -> None:
    """KAMIL-10 up to the channel's edge; KAMIL-7 with assignee, notes and times."""
    budi, tono = await world.subscriber(), await world.staff()
    handle = world.services.handle
    number = await world.complain(budi)
    world.now += HOUR / 2
    await handle.assign(number, tono.email, world.doing(), "bawa tangga")
    world.now += HOUR
    tonos = Actor(tono.email, "10.0.0.1")
    await handle.start(number, world.doing(actor=tonos))
    await handle.note(number, "Kabel di tiang putus", world.doing(actor=tonos), public=False)
    await handle.note(number, "Kami ganti kabelnya", world.doing(actor=tonos), public=True)
    world.now += HOUR
    await handle.resolve(number, "Kabel diganti", world.doing(actor=tonos))
    await handle.reopen(number, "Masih mati", world.own(budi), owner=budi.id)
    await handle.take(number, tono.email, world.doing(actor=tonos))
    await handle.resolve(number, "Konektor diganti", world.doing(actor=tonos))
    await handle.close(number, world.own(budi), owner=budi.id)

    file = await world.file(number)
    states = ["new", "assigned", "in_progress", "resolved", "reopened", "assigned", "in_progress", "resolved", "closed"]
    assert [step.state for step in file.steps if step.kind == "state"] == states
    assert [(step.text, step.public) for step in file.steps if step.kind == "note"] == [
        ("Kabel di tiang putus", False),
        ("Kami ganti kabelnya", True),
    ]
    assert file.assignee == "Tono"
    assert (file.complaint.responded_at, file.complaint.resolved_at) == (NOW + HOUR / 2, world.now)
    assert (file.complaint.reopened, file.complaint.closed_at) == (1, world.now)
    assert file.complaint.resolve_by == world.now + 24 * HOUR  # anew from when it was reopened

    told = await world.messages(STATE)
    assert [one.context["state"] for one in told] == states[1:]
    assert {one.subscriber_id for one in told} == {budi.id}
    assert {one.email for one in told} == {"p1@contoh.example"}
    assert told[2].context["note"] == "Kabel diganti"
    assert all("tangga" not in str(one.context) for one in await world.messages())
    assert [one.context["note"] for one in await world.messages(MessageKind.COMPLAINT_NOTE)] == ["Kami ganti kabelnya"]
    jobs = await world.messages(MessageKind.COMPLAINT_ASSIGNED)
    assert [(one.email, one.staff_name, one.context["address"]) for one in jobs] == [
        (tono.email, "Tono", "Jalan Melati 7")
    ] * 2
    assert all(one.state is MessageState.QUEUED for one in await world.messages())


async def test_the_audit_trail_says_who_did_what(world: ComplaintWorld) -> None:
    budi, tono = await world.subscriber(), await world.staff()
    number = await world.complain(budi)
    await world.services.handle.take(number, tono.email, world.doing())
    async with world.database.read() as work:
        changes = await work.changes.about("complaint", number)
    assert [(one.action, one.actor) for one in reversed(changes)] == [
        ("complaint.file", f"subscriber {budi.number}"),
        ("complaint.assigned", DESK.name),
        ("complaint.in_progress", DESK.name),
    ]


async def test_a_step_that_is_not_in_the_table_changes_and_tells_nothing(world: ComplaintWorld) -> None:
    budi, tono = await world.subscriber(), await world.staff()
    handle = world.services.handle
    number = await world.complain(budi)
    for call in (
        handle.start(number, world.doing()),
        handle.close(number, world.doing()),
        handle.reopen(number, "x", world.doing()),
    ):
        with pytest.raises(RefusedError, match="can't become"):
            await call
    await handle.take(number, tono.email, world.doing())
    await handle.resolve(number, "beres", world.doing())
    with pytest.raises(RefusedError, match="can't become assigned"):
        await handle.assign(number, tono.email, world.doing())
    assert [one.context["state"] for one in await world.messages(STATE)] == ["assigned", "in_progress", "resolved"]


async def test_a_stale_form_changes_nothing(world: ComplaintWorld) -> None:
    budi, tono = await world.subscriber(), await world.staff()
    handle = world.services.handle
    number = await world.complain(budi)
    await handle.take(number, tono.email, world.doing(version=1))
    with pytest.raises(RefusedError) as refused:
        await handle.resolve(number, "beres", world.doing(version=1))
    assert refused.value.code == "complaint_changed"
    done = await asyncio.gather(
        *(handle.resolve(number, "beres", world.doing(key="one", version=3)) for _ in range(4)), return_exceptions=True
    )
    assert done == [None] * 4  # four clicks of one form
    assert [one.context["state"] for one in await world.messages(STATE)][-1] == "resolved"
    assert len(await world.messages(STATE)) == 3


async def test_only_who_works_on_complaints_is_given_one(world: ComplaintWorld) -> None:
    budi = await world.subscriber()
    await world.staff("kasir@rumahnet.example", Role.CASHIER)
    await world.staff("dulu@rumahnet.example", active=False)
    number = await world.complain(budi)
    for email in ("kasir@rumahnet.example", "dulu@rumahnet.example", "siapa@rumahnet.example", ""):
        with pytest.raises(InvalidInputError, match="nobody who works on complaints"):
            await world.services.handle.assign(number, email, world.doing())
    async with world.database.read() as work:
        assert await work.complaint_views.workers() == []


async def test_anothers_complaint_is_as_little_there_as_none(world: ComplaintWorld) -> None:
    budi, siti = await world.subscriber(), await world.subscriber("Siti")
    number = await world.complain(budi)
    handle = world.services.handle
    for call in (
        handle.note(number, "x", world.own(siti), public=True, owner=siti.id),
        handle.reopen(number, "x", world.own(siti), owner=siti.id),
        handle.close(number, world.own(siti), owner=siti.id),
    ):
        with pytest.raises(NotFoundError):
            await call
    assert len((await world.file(number)).steps) == 1


async def test_reopening_ends_with_its_days(world: ComplaintWorld) -> None:
    budi, tono = await world.subscriber(), await world.staff()
    handle = world.services.handle
    number = await world.complain(budi)
    await handle.take(number, tono.email, world.doing())
    await handle.resolve(number, "beres", world.doing())
    world.now += 7 * DAY + HOUR
    with pytest.raises(RefusedError) as refused:
        await handle.reopen(number, "lagi", world.own(budi), owner=budi.id)
    assert refused.value.code == "complaint_past"
    await handle.reopen(number, "lagi", world.doing())  # the staff may at any time


async def test_what_was_resolved_is_closed_by_itself_and_once(world: ComplaintWorld) -> None:
    budi, tono = await world.subscriber(), await world.staff()
    number, other = await world.complain(budi), await world.complain(budi)
    for one in (number, other):
        await world.services.handle.take(one, tono.email, world.doing())
    await world.services.handle.resolve(number, "beres", world.doing())
    close = CloseComplaints(world.database, 3)
    assert await close.run(NOW + 3 * DAY - HOUR) == 0
    assert await close.run(NOW + 3 * DAY) == 1
    assert await close.run(NOW + 4 * DAY) == 0
    assert (await world.file(number)).complaint.state.value == "closed"
    assert (await world.file(other)).complaint.state.value == "in_progress"
    assert [one.context["state"] for one in await world.messages(STATE)].count("closed") == 1


async def test_the_overdue_list_holds_just_what_is_past_its_target(world: ComplaintWorld) -> None:
    """KAMIL-8: an overdue list against a target per category; KAMIL-1: figures equal their lists."""
    budi, tono = await world.subscriber(), await world.staff()
    quick, slow = await world.complain(budi, "mati"), await world.complain(budi, "lainnya")
    taken, over = await world.complain(budi, "mati"), await world.complain(budi, "mati")
    await world.services.handle.take(taken, tono.email, world.doing())
    await world.services.handle.take(over, tono.email, world.doing())
    await world.services.handle.resolve(over, "beres", world.doing())

    async def late(after: timedelta) -> set[str]:
        async with world.database.read() as work:
            page = await work.complaint_views.lines(Wanted("late"), NOW + after)
            figures = await work.complaint_views.figures(NOW + after)
            every = await work.complaint_views.lines(Wanted("open"), NOW + after)
            nobodys = await work.complaint_views.lines(Wanted("unassigned"), NOW + after)
        assert (figures.late, figures.open, figures.unassigned) == (page.total, every.total, nobodys.total)
        assert all(line.late(NOW + after) for line in page.lines)
        return {line.number for line in page.lines}

    assert await late(HOUR) == set()
    assert await late(HOUR + timedelta(seconds=1)) == {quick}
    assert await late(24 * HOUR + timedelta(seconds=1)) == {quick, slow, taken}
    async with world.database.read() as work:
        assert [job.line.number for job in await work.complaint_views.jobs(tono.id, NOW)] == [taken]


async def test_response_and_resolution_times_are_measured(world: ComplaintWorld) -> None:
    """KAMIL-8: by category, person, area and month, against the targets."""
    budi, jauh = await world.subscriber(), await world.subscriber("Jauh", area="Cileunyi")
    tono, rani = await world.staff(), await world.staff("rani@rumahnet.example")
    handle = world.services.handle

    async def one(who: str, respond: float, resolve: float, category: str = "mati") -> None:
        world.now = NOW
        number = await world.complain(budi if who == tono.email else jauh, category)
        world.now = NOW + HOUR * respond
        await handle.take(number, who, world.doing(actor=Actor(who, "-")))
        world.now = NOW + HOUR * resolve
        await handle.resolve(number, "beres", world.doing(actor=Actor(who, "-")))

    await one(tono.email, 0.5, 2)
    await one(tono.email, 1, 4)
    await one(rani.email, 2, 30)
    await one(rani.email, 1, 3, "lambat")
    world.now = NOW
    await world.complain(jauh, "mati")  # and nobody looks at it
    async with world.database.read() as work:
        measured = await work.complaint_views.measured(NOW - DAY, NOW + DAY)
        near = await work.complaint_views.measured(
            NOW - DAY, NOW + DAY, Areas(("Cibiru",), frozenset({"Cibiru/RT 01"}))
        )
    assert len(near) == 2
    by_category = {line.name: line for line in report(measured, "category", NOW + 31 * HOUR, ZONE)}
    mati = by_category["mati"]
    assert (mati.opened, mati.answered, mati.resolved) == (4, 3, 3)
    assert (mati.response_median, mati.response_longest) == (60, 120)
    assert (mati.resolution_median, mati.resolution_longest) == (240, 1800)
    assert (mati.responses_in_time, mati.responses_late) == (2, 2)
    assert (mati.resolutions_in_time, mati.resolutions_late) == (2, 2)
    assert by_category["lambat"].response_median == 60
    by_person = {line.name: line.resolved for line in report(measured, "person", NOW, ZONE)}
    assert by_person == {tono.email: 2, rani.email: 2, "": 0}
    assert [line.name for line in report(measured, "month", NOW, ZONE)] == ["2026-11"]
    assert {line.name for line in report(measured, "area", NOW, ZONE)} == {"Cibiru/RT 01", "Cileunyi"}


async def test_open_complaints_are_counted_by_area(world: ComplaintWorld) -> None:
    """INCA-47: complaints of an area, to be joined with its money and network."""
    for area in ("Cibiru", "Cibiru", "Cileunyi", None):
        await world.complain(await world.subscriber(area=area))
    async with world.database.read() as work:
        assert await work.complaint_views.by_area() == {"Cibiru": 2, "Cileunyi": 1, "": 1}


async def test_a_list_is_searched_and_kept_to_areas(world: ComplaintWorld) -> None:
    budi = await world.subscriber("Budi 100% Santoso")
    number = await world.complain(budi, text="Modem mati_lampu")
    other = await world.complain(await world.subscriber("Siti", area="Cileunyi"), "tagihan", "Salah hitung")

    async def found(**wanted: object) -> set[str]:
        async with world.database.read() as work:
            page = await work.complaint_views.lines(Wanted(**wanted), NOW)  # type: ignore[arg-type]
        return {line.number for line in page.lines}

    assert await found(text="100% s") == {number}
    assert await found(text="mati_l") == {number}
    assert await found(text="_") == {number}
    assert await found(text=number.lower()) == {number}
    assert await found(text=budi.number) == {number}
    assert await found(text="081234567890") == {number, other}
    assert await found(category="tagihan") == {other}
    assert await found(areas=Areas(("Cileunyi",), frozenset({"Cileunyi"}))) == {other}
    assert await found(text="' OR 1=1 --") == set()


async def test_a_work_order_resolves_only_when_signed(world: ComplaintWorld) -> None:
    budi, tono = await world.subscriber(), await world.staff()
    number = await world.complain(budi)
    await world.services.handle.take(number, tono.email, world.doing())
    work = world.services.work
    done = WorkDone("Kabel diganti", "10 m kabel", before=[picture()], after=[picture(color="blue")])
    with pytest.raises(InvalidInputError, match="nobody has signed"):
        await work.run(number, WorkDone("x", is_resolved=True), "Tono", world.doing())
    await work.run(number, done, "Tono", world.doing())
    signed = WorkDone("Kabel diganti semua", signed_by=" Ibu  Budi ", signature=picture("PNG"), is_resolved=True)
    await work.run(number, signed, "Tono", world.doing())
    file = await world.file(number)
    assert file.work is not None
    assert (file.work.done, file.work.signed_by, file.work.technician) == ("Kabel diganti semua", "Ibu Budi", "Tono")
    assert sorted(photo.kind for photo in file.photos) == ["after", "before", "signature"]
    assert not any(photo.public for photo in file.photos)
    assert file.complaint.state.value == "resolved"
    with pytest.raises(RefusedError, match="is over"):
        await work.run(number, done, "Tono", world.doing())


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("-6.914744, 107.609810", (-6_914_744, 107_609_810)),
        ("https://maps.example/maps/@-6.9147,107.6098,17z", (-6_914_700, 107_609_800)),
        ("-6.914744,107.60981", (-6_914_744, 107_609_810)),
    ],
)
def test_a_place_is_read_as_maps_write_it(text: str, place: tuple[int, int]) -> None:
    assert parse_place(text) == place


@pytest.mark.parametrize("text", ["", "rumah", "6, 107", "-96.914744, 107.609810", "10.5, 199.50", "1" * 9999])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="no place"):
        parse_place(text)


async def test_satisfaction_is_summed_up(world: ComplaintWorld) -> None:
    """KAMIL-15: five questions, and the share that is content."""
    tono = await world.staff()
    for overall, solved in ((5, True), (4, True), (2, False)):
        number = await world.complain(await world.subscriber())
        await world.services.handle.take(number, tono.email, world.doing())
        await world.services.handle.resolve(number, "beres", world.doing())
        await world.services.handle.close(number, world.doing())
        async with world.database.write() as work:
            values = {"overall": overall, "speed": 3, "manner": 4, "solved": solved, "remark": ""}
            complaint = (await world.file(number)).complaint
            assert await work.complaints.add_answers(complaint.id, values, NOW)
            assert not await work.complaints.add_answers(complaint.id, values, NOW)
    async with world.database.read() as work:
        answers = await work.complaint_views.surveys(NOW - DAY, NOW + DAY)
    whole = satisfaction(answers)
    assert (whole.answers, whole.overall_hundredths, whole.solved_percent, whole.content_percent) == (3, 367, 67, 67)
    assert satisfaction([]).content_percent is None


async def test_a_category_changes_for_what_comes_after(world: ComplaintWorld) -> None:
    budi = await world.subscriber()
    before = await world.complain(budi)
    changed = Category("mati", "Mati", "Down", 5, 60, True, 1, True)
    await world.services.categories.put(changed, world.doing())
    after = await world.complain(budi)
    assert (await world.file(before)).complaint.respond_by == NOW + HOUR
    assert (await world.file(after)).complaint.respond_by == NOW + timedelta(minutes=5)
    gone = Category("mati", "Mati", "Down", 5, 60, True, 1, False)
    await world.services.categories.put(gone, world.doing())
    with pytest.raises(InvalidInputError):
        await world.complain(budi)
    async with world.database.read() as work:
        changes = await work.changes.about("complaint_category", "mati")
    assert changes[0].details["fields"] == {"active": [True, False]}


async def test_the_line_is_told_without_money(world: ComplaintWorld) -> None:
    budi = await world.subscriber()
    async with world.database.read() as work:
        assert await work.complaint_views.lines_now(budi.id, NOW) == []
        assert await work.complaint_views.owner_of(uuid4()) is None
    fields = {name for table in (tables.complaints, tables.work_orders) for name in table.columns.keys()}  # noqa: SIM118
    assert not {name for name in fields if name.endswith("_minor")}
