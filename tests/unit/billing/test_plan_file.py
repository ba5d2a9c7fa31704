"""Plan files: the contract's least grammar, and one line for whatever is wrong."""

import json

import pytest

from netbilld.billing.plan import AfterAllowance, Charging, Closing, Counts, Timing
from netbilld.billing.plan_file import parse_plan, plan_from_definition, plan_text, unused_keys
from netbilld.model.errors import InvalidInputError

HOME20 = """\
code = "HOME20"
name = "Rumah 20 Mbps"
timing = "postpaid"                 # or "prepaid"
charging = "flat"

[recurring]
price = 200000
period = "month"

[speed]
down = "20M"
up = "10M"
burst = { down = "30M", up = "15M", threshold_down = "15M", threshold_up = "8M", seconds = 10 }
priority = 8
minimum = { down = "2M", up = "1M" }

[allowance]
data = "300GB"
counts = "both"
after = "throttle"
throttled = { down = "2M", up = "1M" }

[tax]
rate = "none"
inclusive = true
"""

PER_USE = """\
code = "KUOTA"
name = "Bayar sesuai pakai"
timing = "prepaid"
charging = "per_use"

[speed]
down = "10M"
up = "5M"

[usage]
price_per_gb = 3000
"""


def refusal(text: str, currency: str = "IDR") -> str:
    with pytest.raises(InvalidInputError) as caught:
        parse_plan(text, "plan.toml", currency)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_contracts_example_becomes_a_plan_in_base_units() -> None:
    plan = plan_from_definition(parse_plan(HOME20, "home20.toml", "IDR"))
    assert (plan.code, plan.name, plan.timing, plan.charging) == (
        "HOME20",
        "Rumah 20 Mbps",
        Timing.POSTPAID,
        Charging.FLAT,
    )
    assert plan.recurring is not None
    assert (plan.recurring.price_minor, plan.recurring.period_days) == (200_000, None)
    assert (plan.speed.down_bps, plan.speed.up_bps, plan.speed.priority) == (20_000_000, 10_000_000, 8)
    assert plan.speed.burst is not None
    assert plan.speed.burst.threshold_up_bps == 8_000_000
    assert (plan.speed.minimum_down_bps, plan.speed.minimum_up_bps) == (2_000_000, 1_000_000)
    assert plan.allowance is not None
    assert (plan.allowance.data_octets, plan.allowance.counts, plan.allowance.after) == (
        300 * 10**9,
        Counts.BOTH,
        AfterAllowance.THROTTLE,
    )
    assert plan.allowance.throttled is not None
    assert plan.allowance.throttled.down_bps == 2_000_000
    assert {plan.when_overdue, plan.when_no_credit, plan.when_suspended} == {Closing.WALL}


def test_a_definition_survives_storage_as_json() -> None:
    definition = parse_plan(HOME20, "home20.toml", "IDR")
    assert plan_from_definition(json.loads(json.dumps(definition))) == plan_from_definition(definition)


def test_a_pay_per_use_plan_has_a_price_per_decimal_gb_unless_it_says_gib() -> None:
    """BANG-2.1f."""
    plan = plan_from_definition(parse_plan(PER_USE, "kuota.toml", "IDR"))
    assert plan.usage is not None
    assert (plan.usage.first_price_minor, plan.usage.units_per_price) == (3000, 10**9)
    binary = plan_from_definition(parse_plan(PER_USE + 'gb = "GiB"\n', "kuota.toml", "IDR"))
    assert binary.usage is not None
    assert binary.usage.units_per_price == 2**30


def test_periods_of_days_are_not_months() -> None:
    plan = plan_from_definition(parse_plan(HOME20.replace('"month"', '"30d"'), "p.toml", "IDR"))
    assert plan.recurring is not None
    assert plan.recurring.period_days == 30


def test_other_currencies_take_decimals_up_to_their_exponent() -> None:
    plan = plan_from_definition(parse_plan(HOME20.replace("200000", "12.50"), "p.toml", "USD"))
    assert plan.recurring is not None
    assert plan.recurring.price_minor == 1250
    assert "line 7: recurring.price: 12.505 is not a price" in refusal(HOME20.replace("200000", "12.505"), "USD")


def test_access_rules_may_block_instead_of_wall() -> None:
    text = HOME20 + '\n[access]\noverdue = "block"\n'
    plan = plan_from_definition(parse_plan(text, "p.toml", "IDR"))
    assert (plan.when_overdue, plan.when_no_credit) == (Closing.BLOCK, Closing.WALL)


def test_a_usage_price_of_a_flat_plan_is_understood_never_charged_and_said_to_be_unused() -> None:
    """The contract's example carries every table."""
    text = HOME20 + "[usage]\nprice_per_gb = 3000\n"
    definition = parse_plan(text, "home20.toml", "IDR")
    assert definition == parse_plan(HOME20, "home20.toml", "IDR")
    assert (unused_keys(text, definition), unused_keys(HOME20, definition)) == (("usage",), ())


def test_a_throttled_speed_that_a_hard_stop_never_reaches_is_said_to_be_unused() -> None:
    text = HOME20.replace('after = "throttle"', 'after = "wall"')
    definition = parse_plan(text, "home20.toml", "IDR")
    assert definition["allowance"]["throttled"] is None
    assert unused_keys(text, definition) == ("allowance.throttled",)


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "says"),
    [
        ('up = "10M"\n', 'up = "10M"\nsped = 1\n', 13, "speed.sped", "unknown key; allowed in [speed]: down, up"),
        ("[tax]", "[taxes]", 23, "taxes", "unknown key; allowed at the top: code, name"),
        ("seconds = 10", "second = 10", 13, "speed.burst.second", "unknown key; allowed in [speed.burst]: down"),
        (", seconds = 10", "", 13, "speed.burst.seconds", "is missing"),
        ("price = 200000", "prise = 200000", 7, "recurring.prise", "unknown key; allowed in [recurring]: price"),
        ("200000", "-1", 7, "recurring.price", "allowed: a whole number of IDR, 0 or more"),
        ("200000", "200.000", 7, "recurring.price", "is not a price"),
        ("200000", '"200000"', 7, "recurring.price", "is not a price"),
        ("200000", "true", 7, "recurring.price", "is not a price"),
        ("200000", "9000000000000", 7, "recurring.price", "at most 1000000000000"),
        ('"month"', '"monthly"', 8, "recurring.period", 'allowed: "month"'),
        ('"month"', '"0d"', 8, "recurring.period", 'allowed: "month"'),
        ('"postpaid"', '"later"', 3, "timing", 'allowed: "prepaid", "postpaid"'),
        ('"flat"', '"hybrid"', 4, "charging", "needs a [usage] table with price_per_gb"),
        ('"flat"', '"time"', 4, "charging", "needs a [usage] table with price_per_hour"),
        ('"flat"', '"per_use"', 4, "charging", "needs a [usage] table"),
        ('"throttle"', '"charge"', 20, "allowance.after", 'is for a plan with charging = "hybrid"'),
        ('throttled = { down = "2M", up = "1M" }', "", 20, "allowance.after", "needs throttled"),
        ('throttled = { down = "2M"', 'throttled = { down = "30M"', 21, "allowance.throttled.down", "above the plan"),
        ('"300GB"', '"300"', 18, "allowance.data", "write a number and a unit"),
        ('"300GB"', "300", 18, "allowance.data", "with its unit"),
        ('"300GB"', '"0GB"', 18, "allowance.data", "no allowance"),
        ('rate = "none"', 'rate = "PPN 11 %"', 24, "tax.rate", 'the code of a tax such as "ppn"'),
        ('rate = "none"', "rate = [1]", 24, "tax.rate", "is not text in quotes"),
        ("inclusive = true", 'inclusive = "ya"', 25, "tax.inclusive", "allowed: true, false"),
        ('down = "20M"', 'down = "20X"', 11, "speed.down", "k, M or G"),
        ('down = "30M"', 'down = "3M"', 13, "speed.burst.down", "below the speed itself"),
        ("priority = 8", "priority = 9", 14, "speed.priority", "from 1 to 8"),
        ('up = "10M"\n', 'up = "10M"\nnas_profile = "gold(20m)"\n', 13, "speed.nas_profile", "1 to 100 letters"),
        ("[tax]", '[access]\nidle_timeout = "1d"\n[tax]', 24, "access.idle_timeout", "from a minute to a day"),
        ("[tax]", '[access]\nidle_timeout = "30s"\n[tax]', 24, "access.idle_timeout", "from a minute to a day"),
        ('code = "HOME20"', 'code = "HOME 20"', 1, "code", "1 to 64 letters"),
        ('name = "Rumah 20 Mbps"', 'name = ""', 2, "name", "1 to 200 characters"),
        ('name = "Rumah 20 Mbps"', 'name = "a\\u0000b"', 2, "name", "on one line"),
        ("[speed]", "speed = 3\n[x]", 10, "recurring.speed", "unknown key"),
    ],
)
def test_what_is_wrong_is_named_with_file_line_key_and_what_is_allowed(
    old: str, new: str, line: int, key: str, says: str
) -> None:
    assert old in HOME20
    message = refusal(HOME20.replace(old, new, 1))
    assert message.startswith(f"plan.toml: line {line}: {key}: "), message
    assert says in message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HOME20.replace('[recurring]\nprice = 200000\nperiod = "month"\n', ""), "needs a [recurring] table"),
        (HOME20 + "[usage]\nprice_per_gb = -1\n", "usage.price_per_gb: -1 is not a price"),
        (PER_USE + '[recurring]\nprice = 1\nperiod = "month"\n', '"per_use" plan has no fee'),
        (PER_USE + '[allowance]\ndata = "1GB"\nafter = "wall"\n', '"per_use" plan has no allowance'),
        (PER_USE + "tiers = []\n", "say the price in one place"),
        (PER_USE.replace("price_per_gb = 3000", "tiers = []"), "1 to 50 of them"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(text: str, says: str) -> None:
    assert says in refusal(text)


@pytest.mark.parametrize("text", ["code = ", "a = 1\na = 2", "x = " + "[" * 3000, "n = 1" + "0" * 5000])
def test_a_file_that_is_not_toml_is_refused_in_one_line(text: str) -> None:
    assert refusal(text).startswith("plan.toml: not valid TOML")


def test_a_missing_key_points_at_its_table() -> None:
    message = refusal(HOME20.replace("price = 200000\n", ""))
    assert message.startswith("plan.toml: line 6: recurring.price: is missing")


def test_a_speed_may_have_the_name_that_a_nas_knows_it_by() -> None:
    named = HOME20.replace('up = "10M"\n', 'up = "10M"\nnas_profile = "HOME20"\n', 1)
    assert plan_from_definition(parse_plan(named, "plan.toml", "IDR")).speed.nas_profile == "HOME20"
    assert plan_from_definition(parse_plan(HOME20, "plan.toml", "IDR")).speed.nas_profile is None


LIMITED = (
    HOME20
    + """
[sessions]
allowed = 2
second = "refuse"

[lock]
learn = ["nas", "mac"]

[hours]
allowed = ["mon-fri 08:00-17:00", "sat,sun 00:00-24:00"]
"""
)


def test_a_plan_says_how_many_sessions_what_is_learned_and_when_it_may_be_used() -> None:
    plan = plan_from_definition(json.loads(json.dumps(parse_plan(LIMITED, "plan.toml", "IDR"))))
    assert plan.sessions is not None
    assert (plan.sessions.allowed, plan.sessions.second) == (2, "refuse")
    assert plan.lock_learn == ("mac", "nas")
    assert plan.hours[0] == (480, 1020)
    assert plan.hours[-1] == (5 * 1440, 7 * 1440)


def test_what_a_service_runs_by_is_written_as_a_file_that_means_the_same() -> None:
    definition = parse_plan(LIMITED, "plan.toml", "IDR")
    assert parse_plan(plan_text(definition), "plan.toml", "IDR") == definition


def test_a_plan_that_says_none_of_it_limits_nothing() -> None:
    definition = parse_plan(HOME20, "plan.toml", "IDR")
    plan = plan_from_definition(definition)
    assert (plan.sessions, plan.lock_learn, plan.hours) == (None, (), ())
    assert not {"sessions", "lock", "hours"} & definition.keys()


def test_a_second_log_in_replaces_unless_the_plan_says_otherwise() -> None:
    plan = plan_from_definition(parse_plan(HOME20 + "[sessions]\nallowed = 1\n", "plan.toml", "IDR"))
    assert plan.sessions is not None
    assert plan.sessions.second == "replace"


@pytest.mark.parametrize(
    ("old", "new", "key", "says"),
    [
        ("allowed = 2", "allowed = 0", "sessions.allowed", "a whole number from 1 to 1000"),
        ("allowed = 2\n", "", "sessions.allowed", "is missing"),
        ('second = "refuse"', 'second = "kick"', "sessions.second", '"replace", "refuse", "allow"'),
        ('second = "refuse"', "shared = 1", "sessions.shared", "allowed"),
        ('"nas", "mac"', '"imei"', "lock.learn", '"mac", "vlan", "nas_port", "nas"'),
        ('["nas", "mac"]', '"mac"', "lock.learn", "a list of texts"),
        ('"mon-fri 08:00-17:00"', '"weekdays 8-17"', "hours.allowed", "mon-fri 08:00-17:00"),
        ('["mon-fri 08:00-17:00", "sat,sun 00:00-24:00"]', "[]", "hours.allowed", "leave [hours] out"),
    ],
)
def test_what_is_wrong_with_limits_is_named_by_its_key(old: str, new: str, key: str, says: str) -> None:
    assert old in LIMITED
    message = refusal(LIMITED.replace(old, new, 1))
    assert f": {key}: " in message, message
    assert says in message


@pytest.mark.parametrize(("written", "seconds"), [("90s", 90), ("10m", 600), ("24h", 86_400)])
def test_a_plan_may_end_silent_sessions(written: str, seconds: int) -> None:
    text = f'{HOME20}\n[access]\nidle_timeout = "{written}"\n'
    plan = plan_from_definition(parse_plan(text, "plan.toml", "IDR"))
    assert (plan.idle_seconds, plan.when_overdue) == (seconds, Closing.WALL)
    assert plan_from_definition(parse_plan(HOME20, "plan.toml", "IDR")).idle_seconds is None


def test_a_plan_may_fail_closed_while_the_database_is_away() -> None:
    for written, closed in (('"closed"', True), ('"open"', False)):
        definition = parse_plan(f"{HOME20}\n[outage]\naccess = {written}\n", "plan.toml", "IDR")
        assert plan_from_definition(definition).fails_closed is closed
    assert not plan_from_definition(parse_plan(HOME20, "plan.toml", "IDR")).fails_closed
    message = refusal(f'{HOME20}\n[outage]\naccess = "ajar"\n')
    assert ": outage.access: " in message
    assert '"open", "closed"' in message
