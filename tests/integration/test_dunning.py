"""Unpaid invoices: reminders, isolir and its end, late fees and termination, each on its day and once."""

import asyncio
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import customer_groups
from netbilld.billing.dunning import LateFeeStage, StepKind
from netbilld.billing.holidays import Holiday
from netbilld.billing.standing import StandingKind
from netbilld.cli.commands.dunning_command import preview_line
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.services.manage_holidays import ManageHolidays, holidays_of
from netbilld.services.run_dunning import RunDunning
from tests.integration.dunning_world import DunningWorld, at, instant, named
from tests.integration.money_world import ACTOR, Person, plan_file

ISSUED = date(2026, 1, 1)
DUE = date(2026, 1, 11)
ISOLIR = date(2026, 1, 12)


@pytest.fixture
async def world(database: Database) -> DunningWorld:
    world = DunningWorld(database)
    await world.plan(plan_file())
    return world


async def billed(world: DunningWorld, name: str = "siti") -> Person:
    who = await world.person(name, activated_on=ISSUED)
    await world.bill(ISSUED)
    return who


async def test_an_unpaid_invoice_is_reminded_of_four_times_warned_of_and_led_to_isolir(world: DunningWorld) -> None:
    """MDI-7, BANG-2.6a, BANG-2.6b, BANG-2.6d, INCA-28, INCA-37: -7/-3/0/+3 are four messages; a warning before isolir, a notice after."""
    siti = await billed(world)
    await world.days(ISSUED, date(2026, 1, 31))
    assert named(await world.steps(siti)) == [
        ("2026-01-04", "reminder -7"),
        ("2026-01-08", "reminder -3"),
        ("2026-01-11", "reminder +0"),
        ("2026-01-11", "warning"),
        ("2026-01-12", "isolir"),
        ("2026-01-14", "reminder +3"),
    ]
    messages = await world.messages(siti)
    assert (messages.count("reminder"), messages.count("isolir_warning"), messages.count("isolir")) == (4, 1, 1)


async def test_after_payment_nothing_more_is_said_and_access_is_back_at_once(world: DunningWorld) -> None:
    """MDI-7: none after payment; ICON-5: reversed at once, and told once."""
    siti = await billed(world)
    await world.days(ISSUED, date(2026, 1, 12))
    assert (await world.standing(siti, at(ISOLIR, 12))).kind is StandingKind.OVERDUE
    await world.pay(siti, 200_000, ISOLIR)
    assert (await world.standing(siti, at(ISOLIR, 12))).kind is StandingKind.CURRENT
    report = await world.runner.settle(at(ISOLIR, 12))
    assert report.count(StepKind.RESTORED) == 1
    assert not (await world.runner.settle(at(ISOLIR, 12))).done
    await world.days(date(2026, 1, 13), date(2026, 1, 31))
    steps = named(await world.steps(siti))
    assert steps[-1] == ("2026-01-12", "restored")
    assert (await world.messages(siti))[-1] in {"restored", "payment_received"}


@pytest.mark.parametrize(
    ("paid_on", "reminders"), [(date(2026, 1, 3), 0), (date(2026, 1, 5), 1), (date(2026, 1, 9), 2)]
)
async def test_who_pays_between_two_reminders_gets_no_further_one(
    world: DunningWorld, paid_on: date, reminders: int
) -> None:
    siti = await billed(world)
    await world.days(ISSUED, paid_on)
    await world.pay(siti, 200_000, paid_on)
    await world.days(paid_on + timedelta(days=1), date(2026, 1, 31))
    steps = [step.step for step in await world.steps(siti)]
    assert steps == [f"reminder {days:+d}" for days in (-7, -3, 0, 3)][:reminders]


async def test_runs_in_any_number_do_each_step_once(world: DunningWorld) -> None:
    siti = await billed(world)
    for on in range(1, 32):
        for clock in (time(8), time(0, 30), time(8), time(23)):
            await world.run(instant(date(2026, 1, on), clock))
    steps = [step.step for step in await world.steps(siti)]
    assert sorted(steps) == ["isolir", "reminder +0", "reminder +3", "reminder -3", "reminder -7", "warning"]
    assert len(await world.messages(siti)) - (await world.messages(siti)).count("invoice_issued") == 6


async def test_after_a_pause_of_the_daemon_the_newest_reminder_goes_out_alone(world: DunningWorld) -> None:
    siti = await billed(world)
    await world.run(instant(date(2026, 1, 9), time(9)))
    async with world.database.read() as work:
        done = [(one.details["days"], one.outcome) for one in await work.dunning.history(siti.subscriber_id, 10)]
    assert sorted(done) == [(-7, "missed"), (-3, "done")]


async def test_nobody_is_walled_on_a_day_off(world: DunningWorld) -> None:
    """Sundays and Lebaran: the holiday table, by area."""
    world.with_policy(weekdays_off=frozenset({6}), off_on_holidays=True)
    # due on Sunday the 11th; Monday the 12th and Tuesday the 13th are off in Bandung alone
    days = [Holiday(date(2026, 1, 12), "Libur", "jabar"), Holiday(date(2026, 1, 13), "Libur", "jabar/bandung")]
    await ManageHolidays(world.database).put(days, ACTOR, at(ISSUED))
    siti, budi = await world.person("siti", activated_on=ISSUED), await world.person("budi", activated_on=ISSUED)
    await world.set(siti, area="jabar/bandung/rw05")
    await world.bill(ISSUED)
    await world.days(date(2026, 1, 9), date(2026, 1, 20))
    assert ("2026-01-14", "isolir") in named(await world.steps(siti))
    assert ("2026-01-13", "warning") in named(await world.steps(siti))
    assert ("2026-01-12", "isolir") in named(await world.steps(budi))
    assert (await world.standing(siti, instant(date(2026, 1, 13), time(12)))).kind is StandingKind.GRACE


async def test_who_is_exempt_is_reminded_and_not_walled_until_the_day_is_over(world: DunningWorld) -> None:
    """BANG-2.6c: exempt subscribers are skipped."""
    siti = await billed(world)
    await world.manage.exempt("siti", date(2026, 1, 20), "sekolah", ACTOR, at(ISSUED), is_group=False)
    await world.days(ISSUED, date(2026, 1, 31))
    steps = named(await world.steps(siti))
    assert ("2026-01-14", "reminder +3") in steps
    assert [step for step in steps if step[1] in {"warning", "isolir"}] == [
        ("2026-01-20", "warning"),
        ("2026-01-21", "isolir"),
    ]
    await world.manage.exempt("siti", None, "walikota", ACTOR, at(date(2026, 1, 31)), is_group=False)
    assert (await world.standing(siti, at(date(2027, 1, 1)))).kind is StandingKind.GRACE
    await world.manage.end_exemption("siti", ACTOR, at(date(2026, 2, 1)), is_group=False)
    assert (await world.standing(siti, at(date(2026, 2, 1)))).kind is StandingKind.OVERDUE
    with pytest.raises(NotFoundError, match="not exempt"):
        await world.manage.end_exemption("siti", ACTOR, at(date(2026, 2, 1)), is_group=False)


async def test_a_promise_opens_until_its_day_is_over_and_is_taken_so_often(world: DunningWorld) -> None:
    """BANG-2.6c, janji bayar: reopened until a day, at most so many times for one debt."""
    siti = await billed(world)
    await world.days(ISSUED, date(2026, 1, 12))
    now = at(date(2026, 1, 12), 10)
    await world.manage.promise("siti", date(2026, 1, 15), "gajian", ACTOR, now)
    assert (await world.standing(siti, now)).kind is StandingKind.GRACE
    assert (await world.standing(siti, now)).until_at == instant(date(2026, 1, 16), time(0, 30))
    await world.runner.settle(now)
    await world.days(date(2026, 1, 13), date(2026, 1, 20))
    steps = named(await world.steps(siti))
    assert steps[-4:] == [
        ("2026-01-12", "restored"),
        ("2026-01-14", "reminder +3"),
        ("2026-01-15", "warning"),
        ("2026-01-16", "isolir"),
    ]
    assert [one.outcome for one in await world.steps(siti) if one.step == "reminder +3"] == ["promised"]
    later = at(date(2026, 1, 20), 10)
    await world.manage.promise("siti", date(2026, 1, 22), "", ACTOR, later)
    with pytest.raises(RefusedError, match="has promised 2 times for this debt"):
        await world.manage.promise("siti", date(2026, 1, 23), "", ACTOR, later)
    assert (await world.messages(siti)).count("promise") == 2


async def test_only_a_promise_that_is_not_over_is_taken_back(world: DunningWorld) -> None:
    siti = await billed(world)
    await world.days(ISSUED, date(2026, 1, 12))
    await world.manage.promise("siti", date(2026, 1, 15), "gajian", ACTOR, at(date(2026, 1, 12), 10))
    with pytest.raises(NotFoundError, match="has made no promise"):
        await world.manage.end_promise("siti", ACTOR, at(date(2026, 1, 16), 10))
    await world.manage.promise("siti", date(2026, 1, 19), "", ACTOR, at(date(2026, 1, 17), 10))
    await world.manage.end_promise("siti", ACTOR, at(date(2026, 1, 18), 10))
    async with world.database.read() as work:
        ended = [one.ended_at for one in await work.dunning_terms.promises(subscriber_id=siti.subscriber_id)]
    assert ended == [None, at(date(2026, 1, 18), 10)]


async def test_promises_that_can_not_be_are_refused(world: DunningWorld) -> None:
    await billed(world)
    now = at(date(2026, 1, 5), 10)
    with pytest.raises(InvalidInputError, match="2026-01-04 is past"):
        await world.manage.promise("siti", date(2026, 1, 4), "", ACTOR, now)
    with pytest.raises(InvalidInputError, match="a promise lasts 7 days; write 2026-01-12 or earlier"):
        await world.manage.promise("siti", date(2026, 1, 13), "", ACTOR, now)
    with pytest.raises(NotFoundError, match="no subscriber 'nobody'"):
        await world.manage.promise("nobody", date(2026, 1, 7), "", ACTOR, now)
    await world.person("budi", activated_on=date(2026, 2, 1))
    with pytest.raises(RefusedError, match="owes nothing"):
        await world.manage.promise("budi", date(2026, 1, 7), "", ACTOR, now)
    with pytest.raises(NotFoundError, match="has made no promise"):
        await world.manage.end_promise("siti", ACTOR, now)


async def test_an_extension_moves_what_is_to_come_and_not_the_invoice(world: DunningWorld) -> None:
    siti = await billed(world)
    _, number = await world.number_of(siti)
    await world.manage.extend(number, date(2026, 1, 20), "banjir", ACTOR, at(date(2026, 1, 3)))
    await world.days(ISSUED, date(2026, 1, 31))
    assert named(await world.steps(siti)) == [
        ("2026-01-13", "reminder -7"),
        ("2026-01-17", "reminder -3"),
        ("2026-01-20", "reminder +0"),
        ("2026-01-20", "warning"),
        ("2026-01-21", "isolir"),
        ("2026-01-23", "reminder +3"),
    ]
    async with world.database.read() as work:
        document = await work.invoices.by_number(number)
    assert document is not None
    assert document.invoice.due_on == DUE
    with pytest.raises(RefusedError, match="is due on 2026-01-11 anyway"):
        await world.manage.extend(number, date(2026, 1, 11), "", ACTOR, at(date(2026, 1, 3)))


async def test_a_subscriber_may_have_a_grace_and_reminders_of_their_own(world: DunningWorld) -> None:
    siti, budi = await billed(world), await billed(world, "budi")
    await world.manage.set_rule("siti", {"grace_days": 5, "remind_days": [-1]}, ACTOR, at(ISSUED), is_group=False)
    await world.days(ISSUED, date(2026, 1, 31))
    assert named(await world.steps(siti)) == [
        ("2026-01-10", "reminder -1"),
        ("2026-01-16", "warning"),
        ("2026-01-17", "isolir"),
    ]
    assert ("2026-01-12", "isolir") in named(await world.steps(budi))


async def test_a_percentage_brings_access_back_until_more_is_overdue(world: DunningWorld) -> None:
    world.with_policy(restore_percent=50)
    siti = await billed(world)
    await world.days(ISSUED, date(2026, 1, 12))
    await world.pay(siti, 99_999, date(2026, 1, 13))
    assert (await world.standing(siti, at(date(2026, 1, 13), 12))).kind is StandingKind.OVERDUE
    await world.pay(siti, 1, date(2026, 1, 13))
    assert (await world.standing(siti, at(date(2026, 1, 13), 12))).kind is StandingKind.GRACE
    await world.runner.settle(at(date(2026, 1, 13), 12))
    await world.days(date(2026, 1, 14), date(2026, 1, 31))
    assert named(await world.steps(siti))[-1] == ("2026-01-14", "reminder +3")
    await world.bill(date(2026, 2, 1))  # due on the 11th: 100,000 of January and 200,000 of February are overdue then
    await world.days(date(2026, 2, 1), date(2026, 2, 12))
    assert named(await world.steps(siti))[-1] == ("2026-02-12", "isolir")
    await world.pay(siti, 150_000, date(2026, 2, 12))
    await world.runner.settle(at(date(2026, 2, 12), 12))
    assert named(await world.steps(siti))[-1] == ("2026-02-12", "restored")


@pytest.mark.parametrize("amount", [1_000, 1_001])
async def test_only_what_is_above_the_tolerance_leads_to_anything(world: DunningWorld, amount: int) -> None:
    siti = await billed(world)
    await world.pay(siti, 200_000 - amount, date(2026, 1, 2))
    await world.days(ISSUED, date(2026, 1, 31))
    assert bool(await world.steps(siti)) is (amount > 1_000)


async def test_a_late_fee_comes_once_and_never_without_a_reminder_before(world: DunningWorld) -> None:
    """INCA-30: grace, cap, once for an invoice; spec 6.4: 5 % of 200,000, at least 5,000."""
    world.with_policy(late_fees=(LateFeeStage(1, percent_hundredths=500, minimum_minor=5_000),))
    siti = await billed(world)
    await world.days(ISSUED, date(2026, 1, 31))
    fees = [step for step in await world.steps(siti) if step.step.startswith("late_fee")]
    assert [fee.on for fee in fees] == [date(2026, 1, 12)]
    async with world.database.read() as work:
        (waiting,) = (await work.late_fees.waiting([siti.subscriber_id]))[siti.subscriber_id]
    assert waiting.amount_minor == 10_000
    assert (await world.messages(siti)).count("late_fee") == 1


async def test_without_a_reminder_there_is_no_late_fee(world: DunningWorld) -> None:
    world.with_policy(late_fees=(LateFeeStage(1, flat_minor=5_000),), remind_days=())
    siti = await billed(world)
    await world.days(ISSUED, date(2026, 1, 31))
    assert not [step for step in await world.steps(siti) if step.step.startswith("late_fee")]


async def test_who_has_promised_or_is_exempt_pays_no_late_fee_until_the_day_is_over(world: DunningWorld) -> None:
    world.with_policy(late_fees=(LateFeeStage(1, flat_minor=5_000),))
    siti, budi = await billed(world), await billed(world, "budi")
    await world.days(ISSUED, DUE)  # all reminders but the last have gone out
    now = at(DUE, 15)
    await world.manage.promise("siti", date(2026, 1, 15), "gajian", ACTOR, now)
    await world.manage.exempt("budi", None, "sekolah", ACTOR, now, is_group=False)
    await world.days(DUE + timedelta(days=1), date(2026, 1, 31))
    fees = {
        who.username: [step.on for step in await world.steps(who) if step.step.startswith("late_fee")]
        for who in (siti, budi)
    }
    assert fees == {"siti": [date(2026, 1, 16)], "budi": []}


async def test_a_late_fee_may_come_in_stages_and_be_let_go(world: DunningWorld) -> None:
    stages = (LateFeeStage(1, percent_hundredths=500, minimum_minor=5_000), LateFeeStage(20, flat_minor=10_000))
    world.with_policy(late_fees=stages)
    siti = await billed(world)
    _, number = await world.number_of(siti)
    await world.days(ISSUED, date(2026, 2, 10))
    fees = [(step.on, step.step) for step in await world.steps(siti) if step.step.startswith("late_fee")]
    assert fees == [(date(2026, 1, 12), "late_fee 1"), (date(2026, 1, 31), "late_fee 2")]
    assert await world.manage.waive(number, "salah kirim", ACTOR, at(date(2026, 2, 1))) == 2
    async with world.database.read() as work:
        assert not await work.late_fees.waiting([siti.subscriber_id])
    with pytest.raises(RefusedError, match="no late fee that is not billed"):
        await world.manage.waive(number, "", ACTOR, at(date(2026, 2, 1)))


@pytest.mark.parametrize("terminates", [False, True])
async def test_after_long_isolir_termination_is_proposed_or_done_as_set(world: DunningWorld, terminates: bool) -> None:
    world.with_policy(terminate_days=10, terminates=terminates)
    siti = await billed(world)
    await world.days(ISSUED, date(2026, 1, 31))
    steps = await world.steps(siti)
    assert (steps[-1].on, steps[-1].step) == (date(2026, 1, 22), "termination")
    async with world.database.read() as work:
        (service,) = await work.services.of_subscriber(siti.subscriber_id)
        proposed = await work.dunning.proposed()
    assert steps[-1].outcome == ("done" if terminates else "proposed")
    assert service.status == ("ended" if terminates else "active")
    assert [number for number, *_ in proposed] == ([] if terminates else [siti.number])
    assert ("termination" in await world.messages(siti)) is terminates


async def test_who_pays_on_the_last_day_of_a_long_isolir_is_not_terminated(world: DunningWorld) -> None:
    world.with_policy(terminate_days=10, terminates=True)
    siti = await billed(world)
    await world.days(ISSUED, date(2026, 1, 21))
    await world.pay(siti, 200_000, date(2026, 1, 21))  # and nothing is decided before the next morning's round
    await world.days(date(2026, 1, 22), date(2026, 1, 31))
    assert named(await world.steps(siti))[-1] == ("2026-01-22", "restored")
    async with world.database.read() as work:
        (service,) = await work.services.of_subscriber(siti.subscriber_id)
    assert service.status == "active"


async def test_who_has_no_service_left_is_reminded_and_neither_warned_nor_walled(world: DunningWorld) -> None:
    siti = await billed(world)
    assert await world.subscribers.terminate("siti", "pindah", ACTOR, at(date(2026, 1, 2)))
    await world.days(ISSUED, date(2026, 1, 31))
    assert {step for _on, step in named(await world.steps(siti))} == {
        "reminder -7", "reminder -3", "reminder +0", "reminder +3",
    }  # fmt: skip


async def test_the_preview_says_what_the_next_isolir_will_be(world: DunningWorld) -> None:
    """`besok 00:30: 7 akan diisolir, Rp1.162.000, 2 janji bayar`."""
    people = [await world.person(f"s{number}", activated_on=ISSUED) for number in range(10)]
    await world.bill(ISSUED)
    for who in people[:2]:
        await world.manage.promise(who.username, date(2026, 1, 12), "", ACTOR, at(date(2026, 1, 9)))
    await world.manage.exempt(people[2].username, None, "", ACTOR, at(date(2026, 1, 9)), is_group=False)
    for who, amount in zip(people[3:], (38_000, 0, 0, 0, 200_000, 200_000, 200_000), strict=True):
        if amount:
            await world.pay(who, amount, date(2026, 1, 10))
    now = at(DUE, 12)
    preview = await world.runner.preview(instant(ISOLIR, time(0, 30)), now)
    line = preview_line(preview, world.policy, now, "id", "IDR")
    assert line == "besok 00:30: 4 akan diisolir, Rp762.000, 2 janji bayar, 1 dikecualikan"
    before = {who.username: (await world.steps(who)) for who in people}
    assert not any(before.values()), "a preview does nothing"
    report = await world.run(instant(ISOLIR, time(0, 30)))
    assert report.count(StepKind.ISOLIR) == len(preview.closing.walled) == 4
    assert preview_line(preview, world.policy, now, "en", "IDR").startswith(
        "tomorrow 00:30: 4 will be walled, Rp762.000"
    )


async def test_whom_the_brake_holds_open_is_told_of_isolir_only_when_it_comes(world: DunningWorld) -> None:
    siti = await billed(world)
    async with world.database.write() as work:
        await work.brake.hold([siti.service_id], instant(ISOLIR, time(0, 28)))
    await world.days(date(2026, 1, 12), date(2026, 1, 13))
    assert "isolir" not in await world.messages(siti)
    async with world.database.write() as work:
        await work.brake.release("ani", at(date(2026, 1, 13), 12))
    await world.run(at(date(2026, 1, 13), 12))
    assert "isolir" in await world.messages(siti)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("after", range(6))
async def test_a_run_that_is_killed_anywhere_is_made_up_for(
    world: DunningWorld, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    siti = await billed(world)
    calls = 0
    from netbilld.adapters.database import dunning, outbox  # noqa: PLC0415 - patched here alone

    def dying(original: Any) -> Any:
        async def wrapped(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == after + 1:
                raise Killed
            return await original(*args, **kwargs)

        return wrapped

    with monkeypatch.context() as patched:
        for owner, name in (
            (dunning.DunningStore, "record"),
            (dunning.DunningStore, "begin_isolir"),
            (dunning.DunningStore, "clear"),
            (outbox.OutboxStore, "add_many"),
        ):
            patched.setattr(owner, name, dying(getattr(owner, name)))
        for on in range(4, 15):
            for clock in (time(0, 30), time(8)):
                try:
                    await world.run(instant(date(2026, 1, on), clock))
                except Killed:
                    await world.run(instant(date(2026, 1, on), clock))
    steps = [step.step for step in await world.steps(siti)]
    assert sorted(steps) == ["isolir", "reminder +0", "reminder +3", "reminder -3", "reminder -7", "warning"]
    messages = [one for one in await world.messages(siti) if one != "invoice_issued"]
    assert sorted(messages) == ["isolir", "isolir_warning", "reminder", "reminder", "reminder", "reminder"]


def test_a_file_of_holidays_takes_good_rows_and_names_bad_ones() -> None:
    text = "on,name,area\n2026-03-20,Idul Fitri,\n2026-13-01,Salah,\n2026-03-21,,\n2026-08-17,HUT RI,jabar\n"
    days, bad = holidays_of(text)
    assert days == [Holiday(date(2026, 3, 20), "Idul Fitri"), Holiday(date(2026, 8, 17), "HUT RI", "jabar")]
    assert bad == ["line 3: '2026-13-01' is no day, write YYYY-MM-DD", "line 4: write a name, of 100 letters at most"]
    with pytest.raises(InvalidInputError, match="must name the columns on,name"):
        holidays_of("tanggal,nama\n")


async def test_what_is_near_due_and_how_late_is_exact_at_midnight_of_the_provider(world: DunningWorld) -> None:
    """MDI-3: due in 0 to 7 days; MDI-4: days late, by the provider's own calendar."""
    siti = await billed(world)
    async with world.database.read() as work:
        (invoice,) = await work.invoices.listed(subscriber_id=siti.subscriber_id)
        near = {
            days: len(await work.invoices.listed(due_from=on, due_before=on + timedelta(days=8)))
            for days in (-1, 0, 7, 8)
            for on in (DUE - timedelta(days=days),)
        }
    assert near == {-1: 0, 0: 1, 7: 1, 8: 0}
    assert {days: invoice.near_due(DUE - timedelta(days=days)) for days in (-1, 0, 7, 8)} == {
        -1: False,
        0: True,
        7: True,
        8: False,
    }
    assert [invoice.days_late(DUE + timedelta(days=days)) for days in (-1, 0, 1, 30)] == [0, 0, 1, 30]
    await world.pay(siti, 200_000, DUE)
    async with world.database.read() as work:
        (paid,) = await work.invoices.listed(subscriber_id=siti.subscriber_id)
    assert (paid.near_due(DUE), paid.days_late(ISOLIR)) == (False, 0)


async def test_a_late_fee_is_a_line_of_the_next_invoice_and_of_no_other(world: DunningWorld) -> None:
    """INCA-30: one for an invoice."""
    world.with_policy(late_fees=(LateFeeStage(1, percent_hundredths=500, minimum_minor=5_000),))
    siti = await billed(world)
    await world.days(ISSUED, date(2026, 1, 31))
    for month in (2, 3):
        await world.bill(date(2026, month, 1))
    async with world.database.read() as work:
        numbers = [one.number for one in await work.invoices.listed(subscriber_id=siti.subscriber_id)]
        documents = [await work.invoices.by_number(number) for number in sorted(numbers)]
        waiting = await work.late_fees.waiting([siti.subscriber_id])
    fees = [
        [line.amount_minor for line in document.invoice.lines if line.kind.value == "late_fee"]
        for document in documents
        if document is not None
    ]
    assert fees == [[], [10_000], []]
    assert not waiting
    await world.assert_books_hold()


async def test_a_customer_group_has_its_rule_and_its_exemption(world: DunningWorld) -> None:
    siti, budi = await billed(world), await billed(world, "budi")
    async with world.database.write() as work:
        await work.connection.execute(
            insert(customer_groups).values(code_key="sekolah", code="Sekolah", name="Sekolah", created_at=at(ISSUED))
        )
    await world.set(siti, customer_group="Sekolah")
    rule = {"grace_days": 3, "remind_days": [0]}
    assert await world.manage.set_rule("SEKOLAH", rule, ACTOR, at(ISSUED), is_group=True) == "Sekolah"
    await world.days(ISSUED, date(2026, 1, 15))
    assert named(await world.steps(siti)) == [
        ("2026-01-11", "reminder +0"),
        ("2026-01-14", "warning"),
        ("2026-01-15", "isolir"),
    ]
    await world.manage.exempt("sekolah", None, "", ACTOR, at(date(2026, 1, 15)), is_group=True)
    assert (await world.standing(siti, at(date(2026, 1, 16)))).kind is StandingKind.GRACE
    assert (await world.standing(budi, at(date(2026, 1, 16)))).kind is StandingKind.OVERDUE
    with pytest.raises(NotFoundError, match="no customer group"):
        await world.manage.exempt("nobody", None, "", ACTOR, at(ISSUED), is_group=True)


async def test_a_service_that_can_not_be_ended_is_tried_again_and_not_called_ended(world: DunningWorld) -> None:
    class Refusing:
        async def terminate(self, username: str, reason: str | None, actor: Actor, now: datetime) -> bool:
            raise RefusedError(f"{username} can't be ended {reason or ''} {actor.name} {now}")

    world.with_policy(terminate_days=10, terminates=True)
    siti = await billed(world)
    await world.days(ISSUED, date(2026, 1, 21))
    report = await RunDunning(world.database, world.policy, Refusing()).run(at(date(2026, 1, 23)))
    assert [parked.startswith("siti: siti can't be ended") for parked in report.parked] == [True]
    assert "termination" not in [step.step for step in await world.steps(siti)]
    await world.run(at(date(2026, 1, 24)))
    assert [step.step for step in await world.steps(siti)][-1] == "termination"


async def test_two_runs_at_once_do_each_step_once(world: DunningWorld) -> None:
    people = [await billed(world, f"s{number}") for number in range(5)]
    for on in range(4, 15):
        for clock in (time(0, 30), time(8)):
            now = instant(date(2026, 1, on), clock)
            await asyncio.gather(*(world.run(now) for _ in range(3)))
    for who in people:
        steps = [step.step for step in await world.steps(who)]
        assert sorted(steps) == ["isolir", "reminder +0", "reminder +3", "reminder -3", "reminder -7", "warning"]
        messages = [one for one in await world.messages(who) if one != "invoice_issued"]
        assert sorted(messages) == ["isolir", "isolir_warning", *["reminder"] * 4]
        async with world.database.read() as work:
            (account,) = await work.dunning.accounts([who.subscriber_id], world.policy, at(date(2026, 1, 15)))
        assert account.isolirs == 1
