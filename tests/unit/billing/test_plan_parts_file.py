"""Plan files in full: bundles, tiers, happy hours, prices by area and group, extras; and what can't be."""

import json

import pytest

from netbilld.billing.plan import AfterAllowance, Charging, Timing
from netbilld.billing.plan_file import parse_plan, plan_from_definition, plan_text
from netbilld.billing.plan_parts import (
    AddOn,
    BilledWhen,
    Component,
    Discount,
    ExtendsFrom,
    FairUseStep,
    HappyHours,
    PriceRule,
    ProRata,
    Rollover,
    SoldTo,
    StopPolicy,
    TaxChoice,
    Tier,
    TimeAllowance,
    TopUp,
)
from netbilld.model.errors import InvalidInputError

GB = 10**9

FULL = """\
code = "KELUARGA"
name = "Keluarga, TV dan internet"
timing = "postpaid"
charging = "hybrid"
trial_days = 7
notify = [50, 80, 100]

[recurring]
price = 250000
period = "month"
bill = "arrears"
prorata = "30"
paused = "freeze"
suspended = "credit"

[fees]
installation = 150000
deposit = 100000

[speed]
down = "20M"
up = "10M"

[allowance]
data = "300GB"
after = "charge"
prorata = true
rollover = { periods = 2, cap = "150GB" }
steps = [
    { percent = 80, down = "10M", up = "5M" },
    { percent = 150, down = "2M", up = "1M" },
]

[usage]
gb = "GiB"
cap = 200000
tiers = [
    { up_to = "100GiB", price_per_gb = 3000 },
    { price_per_gb = 2000 },
]

[[happy]]
name = "Malam"
hours = ["daily 00:00-06:00"]
holidays = false
free = true
speed = { down = "50M", up = "20M" }

[[happy]]
name = "Akhir pekan"
hours = ["sat,sun 06:00-18:00"]
holidays = false
weight = "1/2"

[[happy]]
name = "Lebaran"
holidays = true
price_per_gb = 1000

[[component]]
code = "TV"
name = "80 kanal"
price = 75000

[[component]]
code = "STB"
name = "Sewa dekoder"
price = 20000
revenue = "rental"

[[price]]
group = "pesantren"
price = 200000

[[price]]
area = "jabar/bandung/rw05"
price = 225000

[sale]
groups = ["pesantren", "warga"]
areas = ["jabar/bandung"]

[[discount]]
name = "Tiga bulan pertama"
percent = 10
periods = 3

[[discount]]
name = "Setia"
amount = 5000

[[addon]]
code = "IP"
name = "Alamat tetap"
price = 50000
revenue = "address"
telecom = true

[[topup]]
code = "50GB"
name = "Tambah 50 GB"
price = 40000
data = "50GB"
valid = "30d"

[tax]
rate = "ppn"
inclusive = false
"""


def refusal(text: str) -> str:
    with pytest.raises(InvalidInputError) as caught:
        parse_plan(text, "plan.toml", "IDR")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_part_of_a_plan_is_read_and_survives_storage() -> None:
    """BANG-2.2d, BANG-2.2e, INCA-16, INCA-19, INCA-24, INCA-43."""
    definition = parse_plan(FULL, "keluarga.toml", "IDR")
    plan = plan_from_definition(json.loads(json.dumps(definition)))
    assert plan == plan_from_definition(definition)
    assert (plan.timing, plan.charging, plan.trial_days) == (Timing.POSTPAID, Charging.HYBRID, 7)
    assert plan.notify_percents == (50, 80, 100)
    recurring = plan.recurring
    assert recurring is not None
    assert (recurring.billed, recurring.prorata) == (BilledWhen.ARREARS, ProRata.THIRTY)
    assert (recurring.when_paused, recurring.when_suspended) == (StopPolicy.FREEZE, StopPolicy.CREDIT)
    assert (plan.installation_minor, plan.deposit_minor) == (150_000, 100_000)
    allowance = plan.allowance
    assert allowance is not None
    assert (allowance.data_octets, allowance.after, allowance.prorata) == (300 * GB, AfterAllowance.CHARGE, True)
    assert allowance.rollover == Rollover(2, 150 * GB)
    assert allowance.steps == (FairUseStep(80, 10_000_000, 5_000_000), FairUseStep(150, 2_000_000, 1_000_000))
    assert plan.usage is not None
    assert plan.usage.tiers == (Tier(100 * 2**30, 3000), Tier(None, 2000))
    assert (plan.usage.units_per_price, plan.usage.cap_minor) == (2**30, 200_000)
    night = tuple((day * 1440, day * 1440 + 360) for day in range(7))
    assert plan.happy_hours == (
        HappyHours("Malam", night, False, (0, 1), None, 50_000_000, 20_000_000),
        HappyHours(
            "Akhir pekan", ((5 * 1440 + 360, 5 * 1440 + 1080), (6 * 1440 + 360, 6 * 1440 + 1080)), False, (1, 2)
        ),
        HappyHours("Lebaran", (), True, (1, 1), 1000),
    )
    assert plan.components == (
        Component("TV", "80 kanal", 75_000, "tv", False),
        Component("STB", "Sewa dekoder", 20_000, "rental", False),
    )
    assert plan.price_rules == (PriceRule(200_000, "pesantren"), PriceRule(225_000, None, "jabar/bandung/rw05"))
    assert plan.sold_to == SoldTo(("pesantren", "warga"), ("jabar/bandung",))
    assert plan.discounts == (
        Discount("Tiga bulan pertama", 1000, None, 3),
        Discount("Setia", None, 5000, None),
    )
    assert plan.add_ons == (AddOn("IP", "Alamat tetap", 50_000, "address", True),)
    assert plan.top_ups == (TopUp("50GB", "Tambah 50 GB", 40_000, 50 * GB, None, 30),)
    assert plan.tax == TaxChoice("ppn", False)


KINDS = {
    "flat": '[recurring]\nprice = 100000\nperiod = "month"\n',
    "volume": "[usage]\nprice_per_gb = 3000\n",
    "hybrid": '[recurring]\nprice = 100000\nperiod = "month"\n[allowance]\ndata = "10GB"\nafter = "charge"\n'
    "[usage]\nprice_per_gb = 3000\n",
    "time": '[allowance]\ntime = "10h"\n[usage]\nprice_per_hour = 2000\n',
    "per_use": "[usage]\nprice_per_gb = 3000\n",
}


def kind(charging: str, timing: str = "postpaid", extra: str = "") -> str:
    head = f'code = "P"\nname = "Paket"\ntiming = "{timing}"\ncharging = "{charging}"\n{extra}'
    return f'{head}[speed]\ndown = "10M"\nup = "5M"\n{KINDS[charging]}'


def test_every_part_of_a_plan_is_written_as_a_file_that_means_the_same() -> None:
    definition = parse_plan(FULL, "keluarga.toml", "IDR")
    assert parse_plan(plan_text(definition), "keluarga.toml", "IDR") == definition


@pytest.mark.parametrize("timing", ["prepaid", "postpaid"])
@pytest.mark.parametrize("charging", list(KINDS))
def test_timing_and_charging_are_chosen_by_themselves(charging: str, timing: str) -> None:
    """BANG-2.2h, INCA-17, INCA-18, INCA-19, INCA-20, INCA-42."""
    plan = plan_from_definition(parse_plan(kind(charging, timing), "p.toml", "IDR"))
    assert (plan.charging.value, plan.timing.value) == (charging, timing)
    assert (plan.usage is not None) == (charging != "flat")
    if charging == "time":
        assert plan.time_allowance == TimeAllowance(36_000)
        assert plan.usage is not None
        assert (plan.usage.first_price_minor, plan.usage.units_per_price) == (2000, 3600)


def test_validity_may_extend_from_now_instead_of_from_expiry() -> None:
    """BANG-2.2f."""
    text = kind("flat", "prepaid")
    for written, meant in (("", ExtendsFrom.EXPIRY), ('extends = "now"\n', ExtendsFrom.NOW)):
        plan = plan_from_definition(parse_plan(text + written, "p.toml", "IDR"))
        assert plan.recurring is not None
        assert plan.recurring.extends_from is meant


OLD = json.loads("""{"code": "HOME20", "name": "Rumah", "timing": "prepaid", "charging": "per_use", "currency": "IDR",
"speed": {"down_bps": 20000000, "up_bps": 10000000}, "recurring": null,
"allowance": null, "usage": {"price_per_gb_minor": 3000, "octets_per_gb": 1073741824},
"tax": {"rate": "none", "inclusive": true},
"access": {"overdue": "wall", "no_credit": "block", "suspended": "wall"}}""")


def test_a_definition_of_before_these_parts_means_what_it_meant() -> None:
    plan = plan_from_definition(OLD)
    assert plan.usage is not None
    assert plan.usage.tiers == (Tier(None, 3000),)
    assert (plan.usage.units_per_price, plan.usage.cap_minor) == (2**30, None)
    assert (plan.components, plan.price_rules, plan.happy_hours, plan.free, plan.trial_days) == ((), (), (), False, 0)
    assert (plan.tax.code, plan.notify_percents) == (None, (80, 100))
    flat = OLD | {"charging": "flat", "usage": None, "recurring": {"price_minor": 1, "period_days": None}}
    recurring = plan_from_definition(flat).recurring
    assert recurring is not None
    assert (recurring.billed, recurring.prorata, recurring.extends_from) == ("advance", "calendar", "expiry")
    assert (recurring.when_paused, recurring.when_suspended) == ("credit", "bill")


@pytest.mark.parametrize(
    ("old", "new", "key", "says"),
    [
        ('"sat,sun 06:00-18:00"', '"fri-sun 05:59-18:00"', "happy[2].hours", 'overlaps with "Malam" on fri 05:59'),
        ('weight = "1/2"', 'weight = "3/2"', "happy[2].weight", '"0/1" to "1/1"'),
        ('weight = "1/2"', 'free = true\nweight = "1/2"', "happy[2].weight", "leave one out"),
        ('weight = "1/2"\n', "", "happy[2]", "says nothing"),
        ('sun 06:00-18:00"]\nholidays = false', 'sun 06:00-18:00"]', "happy[3].holidays", "on holidays"),
        ("price_per_gb = 1000", "price_per_gb = -1000", "happy[3].price_per_gb", "0 or more"),
        ("price_per_gb = 1000", "price_per_mb = 1", "happy[3].price_per_mb", "allowed in [[happy]]: name, hours"),
        ("{ price_per_gb = 2000 }", '{ up_to = "200GB", price_per_gb = 2000 }', "usage.tiers[2].up_to", "leaves a gap"),
        (
            "    { price_per_gb = 2000 },",
            '{ up_to = "100GiB", price_per_gb = 2 }, { price_per_gb = 1 },',
            "usage.tiers[2].up_to",
            "not above the tier before",
        ),
        ('{ up_to = "100GiB", price_per_gb = 3000 }', "{ price_per_gb = 3000 }", "usage.tiers[1].up_to", "is missing"),
        ("price_per_gb = 2000", "price_per_gb = -2000", "usage.tiers[2].price_per_gb", "0 or more"),
        ("cap = 200000", "cap = -1", "usage.cap", "0 or more"),
        ("percent = 150", "percent = 80", "allowance.steps[2].percent", "not above the step before"),
        ('percent = 150, down = "2M"', 'percent = 150, down = "12M"', "allowance.steps[2].down", "above the speed"),
        ("periods = 2, cap", "periods = 0, cap", "allowance.rollover.periods", "from 1 to 120"),
        ("price = 75000", "price = -1", "component[1].price", "0 or more"),
        ('code = "STB"', 'code = "tv"', "component[2].code", "is there already"),
        ('revenue = "rental"', 'revenue = "Sewa!"', "component[2].revenue", "lower-case word"),
        ('group = "pesantren"\nprice', 'group = "p"\narea = "b"\nprice', "price[1].group", "one of both"),
        ('group = "pesantren"\nprice', 'area = "Jabar / Bandung/RW05"\nprice', "price[2].area", "has a price already"),
        ('["jabar/bandung"]', '["//"]', "sale.areas", "jabar/bandung/rw05"),
        ("percent = 10\n", "percent = 101\n", "discount[1].percent", "0.01 to 100"),
        ("amount = 5000\n", "amount = -5000\n", "discount[2].amount", "0 or more"),
        ("amount = 5000\n", "", "discount[2].percent", "one of both"),
        ('data = "50GB"\n', "", "topup[1].data", "one of both"),
        ('data = "50GB"\n', 'time = "5h"\n', "topup[1].time", "the plan has none"),
        ('valid = "30d"', 'valid = "month"', "topup[1].valid", '"period", or days'),
        ("notify = [50, 80, 100]", "notify = [80, 50]", "notify", "rising order"),
        ("trial_days = 7", "trial_days = 0", "trial_days", "from 1 to 366"),
        ('paused = "freeze"', 'paused = "maybe"', "recurring.paused", '"bill", "credit", "freeze"'),
        ('bill = "arrears"', 'bill = "later"', "recurring.bill", '"advance", "arrears"'),
        ('charging = "hybrid"', 'charging = "volume"', "allowance.after", 'charging = "hybrid"'),
        ('charging = "hybrid"', 'charging = "time"', "usage.gb", "charged by the hour"),
        ("deposit = 100000", "deposit = -1", "fees.deposit", "0 or more"),
        ('after = "charge"', 'after = "charge"\ntime = "10h"', "allowance.time", 'charging = "time"'),
        ("[[component]]", "component = 1\n[[x]]", "happy[3].component", "unknown key"),
    ],
)
def test_a_plan_that_can_not_be_is_refused_with_its_key(old: str, new: str, key: str, says: str) -> None:
    assert old in FULL
    message = refusal(FULL.replace(old, new, 1))
    assert f": {key}: " in message, message
    assert says in message, message


def test_the_line_of_a_key_in_the_second_of_several_tables_is_its_own() -> None:
    text = FULL.replace('weight = "1/2"', 'weight = "3/2"')
    line = text[: text.index('weight = "3/2"')].count("\n") + 1
    assert refusal(text).startswith(f"plan.toml: line {line}: happy[2].weight: ")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (kind("flat") + '[[happy]]\nhours = ["daily 00:00-06:00"]\nfree = true\n', "happy[1].free: nothing is counted"),
        (kind("flat") + '[[happy]]\nhours = ["daily 00:00-06:00"]\nprice_per_gb = 1\n', "needs a plan whose usage"),
        (kind("per_use") + '[[addon]]\ncode = "A"\nname = "A"\nprice = 1\n', "addon: goes with a fee"),
        (kind("flat") + '[[topup]]\ncode = "A"\nname = "A"\nprice = 1\ndata = "1GB"\n', "the plan has none"),
        (kind("time").replace('time = "10h"', 'time = "10h"\ncounts = "up"'), "allowance.counts: is of data"),
        (kind("hybrid").replace('after = "charge"', 'after = "wall"'), 'after = "charge"'),
        (kind("flat") + "[[sale]]\n", "sale: "),
    ],
)
def test_a_part_that_goes_with_nothing_is_refused(text: str, says: str) -> None:
    assert says in refusal(text)
