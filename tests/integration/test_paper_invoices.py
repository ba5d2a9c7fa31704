"""Paper invoices: each step in its order, with who, when and a proof; what has not arrived is listed exactly."""

from datetime import date, time
from pathlib import Path

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.documents.proofs import LARGEST_OCTETS, ProofFiles
from netbilld.billing.paper import NEXT, NOT_ARRIVED, PaperState, check_step
from netbilld.billing.standing import StandingKind
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.services.manage_paper import ManagePaper
from tests.integration.dunning_world import DunningWorld, at, instant, named
from tests.integration.money_world import ACTOR, ZONE, Person, plan_file

ISSUED = date(2026, 1, 1)
PHOTO = b"\xff\xd8\xff\xe0" + b"\0" * 20


class PaperWorld(DunningWorld):
    def __init__(self, database: Database, directory: Path) -> None:
        super().__init__(database)
        self.directory = directory
        self.paper = ManagePaper(database, ProofFiles(directory), ZONE)

    async def billed(self, name: str) -> tuple[Person, str]:
        who = await self.person(name, activated_on=ISSUED)
        await self.bill(ISSUED)
        _, number = await self.number_of(who)
        return who, number

    async def on_its_way(self, name: str) -> tuple[Person, str]:
        who, number = await self.billed(name)
        await self.paper.printed(number, ACTOR, at(date(2026, 1, 2)))
        await self.paper.handed_over(number, "Pak Kurir", "JNE-1", ACTOR, at(date(2026, 1, 3)))
        return who, number


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> PaperWorld:
    world = PaperWorld(database, tmp_path / "proofs")
    await world.plan(plan_file())
    return world


@pytest.mark.parametrize("before", [None, *PaperState])
@pytest.mark.parametrize("wanted", list(PaperState))
def test_no_state_is_skipped(before: PaperState | None, wanted: PaperState) -> None:
    """ICON-7: skipping a state is refused."""
    if wanted in NEXT[before]:
        check_step("INV-1", before, wanted)
        return
    with pytest.raises(RefusedError, match=f"can't become {wanted.value}"):
        check_step("INV-1", before, wanted)


async def test_the_way_of_a_paper_invoice_is_kept_with_who_when_and_a_photo(world: PaperWorld) -> None:
    """ICON-7: actor, time and optional proof photo; ICON-13: delivery and payment side by side."""
    siti, number = await world.on_its_way("siti")
    await world.paper.received(number, "Ibu Siti", date(2026, 1, 5), PHOTO, ACTOR, at(date(2026, 1, 6)))
    await world.pay(siti, 50_000, date(2026, 1, 6))
    async with world.database.read() as work:
        (paper,) = await work.paper.listed(subscriber_id=siti.subscriber_id)
        steps = await work.paper.steps(paper.invoice_id)
    assert [(step.state.value, step.at, step.actor) for step in steps] == [
        ("printed", at(date(2026, 1, 2)), "ani"),
        ("with_courier", at(date(2026, 1, 3)), "ani"),
        ("received", at(date(2026, 1, 6)), "ani"),
    ]
    assert (paper.courier, paper.tracking_number, paper.receiver) == ("Pak Kurir", "JNE-1", "Ibu Siti")
    assert (paper.printed_on, paper.handed_on, paper.received_on) == (
        date(2026, 1, 2),
        date(2026, 1, 3),
        date(2026, 1, 5),
    )
    assert (paper.state.value, paper.status, paper.outstanding_minor) == ("received", "part_paid", 150_000)
    assert paper.proof is not None
    assert (world.directory / paper.proof).read_bytes() == PHOTO


async def test_what_has_not_arrived_is_listed_exactly(world: PaperWorld) -> None:
    """ICON-3: the filter `not yet received`."""
    _, arrived = await world.on_its_way("siti")
    _, underway = await world.on_its_way("budi")
    _, back = await world.on_its_way("dewi")
    _, printed = await world.billed("eko")
    _, _never = await world.billed("fajar")
    await world.paper.received(arrived, "Siti", None, None, ACTOR, at(date(2026, 1, 4)))
    await world.paper.returned(back, None, None, ACTOR, at(date(2026, 1, 4)))
    await world.paper.printed(printed, ACTOR, at(date(2026, 1, 4)))
    async with world.database.read() as work:
        found = await work.paper.listed(states=NOT_ARRIVED)
    assert {one.number for one in found} == {underway, back, printed}


async def test_one_that_came_back_is_printed_again_and_begins_anew(world: PaperWorld) -> None:
    siti, number = await world.on_its_way("siti")
    await world.paper.returned(number, None, PHOTO, ACTOR, at(date(2026, 1, 4)))
    await world.paper.printed(number, ACTOR, at(date(2026, 1, 5)))
    async with world.database.read() as work:
        (paper,) = await work.paper.listed(subscriber_id=siti.subscriber_id)
        steps = await work.paper.steps(paper.invoice_id)
    assert (paper.state, paper.courier, paper.returned_on, paper.proof) == (PaperState.PRINTED, None, None, None)
    assert [step.state.value for step in steps] == ["printed", "with_courier", "returned", "printed"]


async def test_what_can_not_be_is_refused_and_keeps_nothing(world: PaperWorld) -> None:
    _, number = await world.billed("siti")
    with pytest.raises(RefusedError, match="is not printed and can't become received; next is printed"):
        await world.paper.received(number, "Siti", None, PHOTO, ACTOR, at(date(2026, 1, 4)))
    assert not world.directory.exists()
    with pytest.raises(NotFoundError, match="no invoice INV-0"):
        await world.paper.printed("INV-0", ACTOR, at(date(2026, 1, 4)))
    await world.paper.printed(number, ACTOR, at(date(2026, 1, 4)))
    with pytest.raises(InvalidInputError, match="courier: write 1 to 100 letters"):
        await world.paper.handed_over(number, " ", None, ACTOR, at(date(2026, 1, 4)))
    await world.paper.handed_over(number, "Kurir", None, ACTOR, at(date(2026, 1, 4)))
    with pytest.raises(InvalidInputError, match="2026-01-09 is to come"):
        await world.paper.received(number, "Siti", date(2026, 1, 9), None, ACTOR, at(date(2026, 1, 5)))
    with pytest.raises(RefusedError, match="2026-01-03 is before it was handed over"):
        await world.paper.received(number, "Siti", date(2026, 1, 3), None, ACTOR, at(date(2026, 1, 5)))
    with pytest.raises(InvalidInputError, match="no PNG, JPEG or PDF"):
        await world.paper.received(number, "Siti", None, b"<script>", ACTOR, at(date(2026, 1, 5)))
    with pytest.raises(InvalidInputError, match="larger than 10 MiB"):
        await world.paper.received(number, "Siti", None, PHOTO + b"\0" * LARGEST_OCTETS, ACTOR, at(date(2026, 1, 5)))
    await world.paper.received(number, "Siti", None, None, ACTOR, at(date(2026, 1, 5)))
    with pytest.raises(RefusedError, match="can't become returned; that is its end"):
        await world.paper.returned(number, None, None, ACTOR, at(date(2026, 1, 5)))


async def test_days_to_pay_may_run_from_the_receipt(world: PaperWorld) -> None:
    siti, number = await world.on_its_way("siti")
    await world.manage.set_rule("siti", {"from_receipt": True}, ACTOR, at(ISSUED), is_group=False)
    await world.days(ISSUED, date(2026, 1, 25))
    assert not await world.steps(siti), "it has not arrived"
    assert (await world.standing(siti, at(date(2026, 1, 25)))).kind is StandingKind.CURRENT
    await world.paper.received(number, "Siti", date(2026, 1, 20), None, ACTOR, at(date(2026, 1, 25)))
    # ten days from the 20th, as there were ten from issue
    assert (await world.standing(siti, at(date(2026, 1, 25)))).until_at == instant(date(2026, 1, 31), time(0, 30))
    await world.days(date(2026, 1, 26), date(2026, 1, 31))
    assert named(await world.steps(siti)) == [
        ("2026-01-26", "reminder -7"),  # for the 23rd: nobody knew then
        ("2026-01-27", "reminder -3"),
        ("2026-01-30", "reminder +0"),
        ("2026-01-30", "warning"),
        ("2026-01-31", "isolir"),
    ]
