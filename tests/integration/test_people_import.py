"""Importing subscribers into either database."""

from collections.abc import Callable

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import SCHEMA_VERSION
from netbilld.adapters.secretbox import SecretBox
from netbilld.services import import_subscribers
from netbilld.services.import_rows import CsvRow, CsvTable
from netbilld.services.import_subscribers import ImportSubscribers, Summary
from tests.people_world import DEFAULTS, NOW, STAFF, People, with_plans


@pytest.fixture
async def people(database: Database, box: SecretBox) -> People:
    return await with_plans(database, box, "HOME20")


class Import:
    def __init__(self, people: People) -> None:
        self.people = people
        self.rejected: dict[int, str] = {}

    async def __call__(
        self,
        text: str,
        *,
        reserved: tuple[str, ...] = (),
        dry_run: bool = False,
        progress: Callable[[int], None] = print,
    ) -> Summary:
        def reject(row: CsvRow, reason: str) -> None:
            self.rejected[row.line] = reason

        self.rejected.clear()
        importing = ImportSubscribers(self.people.database, self.people.box, DEFAULTS, due_days=10)
        return await importing.run(
            CsvTable(text.splitlines(keepends=True), "town.csv"),
            STAFF,
            NOW,
            file_name="town.csv",
            reserved_numbers=reserved,
            reject=reject,
            progress=progress,
            dry_run=dry_run,
        )


@pytest.fixture
def run(people: People) -> Import:
    return Import(people)


async def test_good_rows_go_in_and_bad_ones_are_told_apart(run: Import, people: People) -> None:
    """KAMIL-3: import."""
    await people.add("taken", ip="10.9.0.1")
    summary = await run(
        "username,password,plan,ip,mac\n"
        "ada,x,HOME20,10.9.0.2,00:00:5e:00:53:01\n"
        "TAKEN,x,HOME20,,\n"
        "ADA,x,HOME20,,\n"
        "bob,x,NOPE,,\n"
        "cid,x,HOME20,10.9.0.1,\n"
        "dea,x,HOME20,10.9.0.2,\n"
        "eka,x,HOME20,,00005e005301\n"
        "fia,,HOME20,,\n"
        "00:00:5e:00:53:02,,home20,,\n"
    )
    assert (summary.rows, summary.imported, summary.rejected) == (9, 2, 7)
    assert list(run.rejected) == [3, 4, 5, 6, 7, 8, 9]
    assert [reason.split(";")[0] for reason in run.rejected.values()] == [
        "user name 'TAKEN' is taken (letter case does not count)",
        "user name 'ADA' is in an earlier row (letter case does not count)",
        "no plan has code 'NOPE'",
        "address 10.9.0.1 is another live service's",
        "address 10.9.0.2 is in an earlier row",
        "user name '00:00:5E:00:53:01' is in an earlier row (letter case does not count)",
        "user name 'fia' needs a password",
    ]
    assert (await people.found("00:00:5e:00:53:01")).credential.kind == "mac"
    found = await people.found("ada")
    assert found.subscriber.number == "100002"  # bad rows use up no numbers
    (change,) = await people.changes(found.subscriber.id)
    assert (change.actor, change.details["file"], change.details["line"]) == (STAFF.name, "town.csv", 2)
    assert change.details["service_ids"] == [str(found.service.id)]


async def test_the_same_file_again_puts_nothing_in_twice(run: Import, people: People) -> None:
    text = "username,password,plan,opening_balance\nada,x,HOME20,5000\nbob,x,HOME20,\n"
    assert (await run(text)).imported == 2
    assert (await run(text)).imported == 0
    assert await people.counts() == (2, 2, 2)
    assert await people.balance("wallet:100001") == 5000


async def test_a_dry_run_tells_the_same_and_puts_nothing_in(run: Import, people: People) -> None:
    text = "username,password,plan,subscriber_no,name\nada,x,HOME20,7,Ada\nada2,x,HOME20,7,Ada\nADA,x,HOME20,,\n"
    dry = await run(text, dry_run=True)
    told = dict(run.rejected)
    assert await people.counts() == (0, 0, 0)
    assert await run(text) == dry
    assert run.rejected == told
    assert await people.counts() == (1, 2, 2)


async def test_a_balance_brought_along_is_credit_or_debt_and_the_books_hold(run: Import, people: People) -> None:
    text = "username,password,plan,opening_balance\nada,x,HOME20,150000\nbob,x,HOME20,-50000\ncid,x,HOME20,-1\ndea,x,HOME20,0\n"
    assert (await run(text)).imported == 4
    assert await people.balance("wallet:100001") == 150_000
    assert await people.balance("receivable:100002") == 50_000
    assert await people.balance("revenue:recurring") is None
    async with people.database.read() as work:
        (invoice,) = await work.invoices.open_of((await people.found("bob")).subscriber.id)
    assert (invoice.number, invoice.outstanding_minor) == ("INV-202611-000001", 50_000)


async def test_a_known_number_adds_a_service_only_where_the_name_fits(run: Import, people: People) -> None:
    header = "username,password,plan,subscriber_no,name,opening_balance\n"
    await run(header + "ada,x,HOME20,0077,Ada,\nada.kantor,x,HOME20,0077,,\n")
    assert await people.counts() == (1, 2, 2)
    await run(header + "x1,x,HOME20,0077,Budi,\nx2,x,HOME20,0077,,\nx3,x,HOME20,0077,ADA,7\nx4,x,HOME20,0077,ADA,\n")
    assert list(run.rejected) == [2, 3, 4]
    assert "belongs to 'Ada'" in run.rejected[2]
    assert "opening_balance" in run.rejected[4]
    assert await people.counts() == (1, 3, 3)


async def test_a_number_a_later_row_gives_is_given_to_nobody_before_it(run: Import, people: People) -> None:
    text = "username,password,plan,subscriber_no,name\nada,x,HOME20,,\nbob,x,HOME20,100001,Bob\n"
    assert (await run(text, reserved=("100001",))).imported == 2
    assert (await people.found("bob")).subscriber.number == "100001"
    assert (await people.found("ada")).subscriber.number == "100002"


async def test_a_name_taken_meanwhile_rejects_its_row_and_no_other(
    run: Import, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is found although its whole transaction failed."""
    prepare = import_subscribers.ImportSubscribers._prepare
    slipped_in = False

    async def prepare_late(self: ImportSubscribers, *args: object, **options: object) -> object:
        nonlocal slipped_in
        prepared = await prepare(self, *args, **options)  # type: ignore[arg-type]  # passed on
        if not slipped_in:
            slipped_in = True
            prepared.credentials[1] = prepared.credentials[0]  # as if another had just taken the name
        return prepared

    monkeypatch.setattr(import_subscribers.ImportSubscribers, "_prepare", prepare_late)
    summary = await run("username,password,plan\nada,x,HOME20\nbob,x,HOME20\ncid,x,HOME20\n")
    assert summary.imported == 3
    assert await people.counts() == (3, 3, 3)


async def test_more_rows_than_one_transaction_takes_all_go_in(run: Import, people: People) -> None:
    rows = "".join(f"user{n},pw{n},HOME20,10.8.{n // 256}.{n % 256}\n" for n in range(1201))
    done: list[int] = []
    summary = await run("username,password,plan,ip\n" + rows, progress=done.append)
    assert (summary.imported, done) == (1201, [500, 1000, 1201])
    assert await people.counts() == (1201, 1201, 1201)
    assert (await people.found("user1200")).subscriber.number == "101201"


async def test_the_schema_version_in_the_code_is_the_newest_migration() -> None:
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - only this test asks Alembic

    from netbilld.adapters.database import migrate  # noqa: PLC0415 - likewise

    assert ScriptDirectory(str(migrate._SCRIPTS)).get_current_head() == SCHEMA_VERSION


async def test_an_import_knows_customer_groups(run: Import, people: People) -> None:
    async with people.database.write() as work:
        await work.groups.add_group("Warga", "Warga", NOW)
    await run("username,password,plan,group\nbudi,x,HOME20,WARGA\nsiti,x,HOME20,masjid\n")
    assert list(run.rejected) == [3]
    assert run.rejected[3].startswith("no customer group 'masjid'")
    found = await people.found("budi")
    assert found.subscriber.customer_group == "Warga"
    async with people.database.read() as work:
        (terms,) = (await work.terms.of([found.service.id]))[found.service.id]
    assert terms.customer_group == "Warga"
