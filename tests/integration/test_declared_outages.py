"""Outages: everybody concerned is told once that one began and once that it ended; complaints are gathered."""

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.enforcement.profile import Access
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.ports.outbox import MessageKind, MessageState
from netbilld.services.complaint_views import OutageLine
from netbilld.services.declare_outages import NewOutage
from tests.complaint_world import HOUR, NOW, ComplaintWorld
from tests.panel_fixture import PanelWorld

DECLARED, ENDED, STATE = MessageKind.OUTAGE_DECLARED, MessageKind.OUTAGE_ENDED, MessageKind.COMPLAINT_STATE


@pytest.fixture
def world(database: Database, tmp_path: Path) -> ComplaintWorld:
    return ComplaintWorld(database, tmp_path / "photos")


async def running(world: ComplaintWorld) -> list[OutageLine]:
    async with world.database.read() as work:
        return list(await work.complaint_views.outages(running=True))


async def sent(world: ComplaintWorld) -> None:
    """Let everything that waits have been sent."""
    async with world.database.write() as work:
        await work.connection.execute(
            tables.outbox.update().where(tables.outbox.c.state == "queued").values(state=MessageState.SENT.value)
        )


def of_area(area: str = "Cibiru", text: str = "Kabel putus") -> NewOutage:
    return NewOutage(text, NOW - HOUR, area=area, expected_at=NOW + HOUR)


async def test_everybody_of_the_area_and_below_is_told_once(world: ComplaintWorld) -> None:
    inside = [await world.subscriber(area=area) for area in ("Cibiru", "cibiru / rt 01", "CIBIRU/RT 02")]
    for area in ("Cibiru Hilir", "Cileunyi", None):
        await world.subscriber(area=area)
    await world.subscriber(area="Cibiru", status="terminated")
    assert await world.services.outages.affected("Cibiru", None, NOW) == 3
    declared = await world.services.outages.declare(of_area(), world.doing(key="a"))
    again = await world.services.outages.declare(of_area(), world.doing(key="a"))
    assert (declared.number, declared.subscribers, declared.is_new) == ("G00001", 3, True)
    assert (again.number, again.is_new) == ("G00001", False)
    told = await world.messages(DECLARED)
    assert sorted(one.subscriber_id for one in told) == sorted(one.id for one in inside)
    with pytest.raises(RefusedError, match="declared there already"):
        await world.services.outages.declare(of_area("CIBIRU "), world.doing())
    await sent(world)
    ended = await world.services.outages.end("G00001", "Sudah disambung", world.doing(key="e"))
    twice = await world.services.outages.end("G00001", "Sudah disambung", world.doing(key="e"))
    assert (ended.told, twice.told) == (3, 0)
    assert len(await world.messages(ENDED)) == 3
    with pytest.raises(RefusedError, match="is over already"):
        await world.services.outages.end("G00001", "lagi", world.doing())
    assert await running(world) == []


async def test_two_who_declare_at_once_tell_everybody_once(world: ComplaintWorld) -> None:
    await world.subscriber()
    declare = world.services.outages.declare
    done = await asyncio.gather(*(declare(of_area(), world.doing(key="same")) for _ in range(4)))
    assert len({one.number for one in done}) == 1
    assert len(await world.messages(DECLARED)) == 1


async def test_open_complaints_about_the_line_are_gathered_and_resolved_with_it(world: ComplaintWorld) -> None:
    budi, siti, jauh = await world.subscriber(), await world.subscriber("Siti"), await world.subscriber(area="Jauh")
    tono = await world.staff()
    mine, bill = await world.complain(budi, "mati"), await world.complain(budi, "tagihan", "Salah hitung")
    far = await world.complain(jauh, "mati")
    await world.services.handle.take(mine, tono.email, world.doing())
    declared = await world.services.outages.declare(of_area(), world.doing())
    assert declared.complaints == (mine,)
    later = await world.complain(siti, "lambat", "Lambat sekali")
    assert (await world.file(later)).outage is not None
    assert (await world.messages(MessageKind.COMPLAINT_RECEIVED))[-1].context["outage"] == "Kabel putus"
    await sent(world)
    ended = await world.services.outages.end(declared.number, "Kabel disambung", world.doing())
    assert ended.resolved == (mine, later)
    for number in (mine, later):
        file = await world.file(number)
        assert (file.complaint.state.value, file.complaint.resolved_at) == ("resolved", NOW)
        assert file.steps[-1].text == "Kabel disambung"
    for number in (bill, far):
        assert (await world.file(number)).complaint.state.value == "new"
    # who hears that the complaint is resolved is not told the same once more
    assert await world.messages(ENDED) == []
    resolved = [one for one in await world.messages(STATE) if one.context["state"] == "resolved"]
    assert sorted(one.subscriber_id for one in resolved) == sorted([budi.id, siti.id])


async def test_who_was_not_told_that_it_began_is_not_told_that_it_ended(world: ComplaintWorld) -> None:
    await world.subscriber()
    await world.services.outages.declare(of_area(), world.doing())
    ended = await world.services.outages.end("G00001", "Hanya sebentar", world.doing())
    assert ended.told == 0
    assert [one.state for one in await world.messages(DECLARED)] == [MessageState.WITHDRAWN]
    assert await world.messages(ENDED) == []


async def test_what_hangs_on_a_nas_is_told(database: Database, box: SecretBox, world: ComplaintWorld) -> None:
    town = PanelWorld(database, box)
    await town.plans()
    dead, other = await town.nas(), await town.nas("jauh-1", "192.0.2.9/32")
    budi, siti, gone = [await town.person(name) for name in ("budi@net", "siti@net", "gone@net")]
    static = await town.person("tetap@net")
    now = town.clock.now()
    world.now = now
    await town.session(dead, budi, seen=Access.ACTIVE)
    await town.session(other, siti)
    await town.session(dead, gone, stopped_at=now - timedelta(hours=3), state="closed")
    await town.put(
        tables.static_lines, service_id=static.service_id, nas_id=dead, targets=["10.0.0.9/32"], created_at=now
    )
    wanted = NewOutage("Listrik padam", now - HOUR, nas="CIBIRU-1")
    declared = await world.services.outages.declare(wanted, world.doing())
    assert declared.subscribers == 2
    told: set[UUID] = {one.subscriber_id for one in await world.messages(DECLARED)}
    assert told == {budi.subscriber_id, static.subscriber_id}


async def test_what_can_not_be_is_refused_and_tells_nobody(world: ComplaintWorld) -> None:
    await world.subscriber()
    declare = world.services.outages.declare
    soon = NOW + timedelta(minutes=5)
    for wrong, code in (
        (NewOutage(" ", NOW, area="Cibiru"), "text_missing"),
        (NewOutage("x" * 501, NOW, area="Cibiru"), "text_too_long"),
        (NewOutage("x", soon, area="Cibiru"), "outage_began"),
        (NewOutage("x", NOW - timedelta(days=8), area="Cibiru"), "outage_began"),
        (NewOutage("x", NOW, area="Cibiru", expected_at=NOW), "outage_expected"),
        (NewOutage("x", NOW), "outage_place"),
        (NewOutage("x", NOW, area="Cibiru", nas="pop1"), "outage_place"),
        (NewOutage("x", NOW, nas="pop1"), "no_such_nas"),
    ):
        with pytest.raises(InvalidInputError) as refused:
            await declare(wrong, world.doing())
        assert refused.value.code == code
    with pytest.raises(RefusedError, match="no subscriber is there"):
        await declare(NewOutage("x", NOW, area="Bulan"), world.doing())
    with pytest.raises(NotFoundError):
        await world.services.outages.end("G99999", "x", world.doing())
    assert await world.messages() == []


async def test_a_thousand_are_told_in_one_go(world: ComplaintWorld) -> None:
    people = [
        {"id": uuid4(), "number": str(700_000 + at), "name": "x", "currency": "IDR", "status": "active", "area": "Besar",
         "created_at": NOW}
        for at in range(1_000)
    ]  # fmt: skip
    async with world.database.write() as work:
        await work.connection.execute(tables.subscribers.insert(), people)
    declared = await world.services.outages.declare(of_area("besar"), world.doing())
    assert declared.subscribers == 1_000
    (line,) = await running(world)
    assert (line.subscribers, line.complaints) == (1_000, 0)
    await sent(world)
    assert (await world.services.outages.end(declared.number, "beres", world.doing())).told == 1_000
