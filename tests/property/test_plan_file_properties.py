"""Plan files: whatever file is taken means the same once it was stored, and what is not taken is one line."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from netbilld.billing.plan import Plan
from netbilld.billing.plan_file import parse_plan, plan_from_definition, plan_text
from netbilld.model.errors import InvalidInputError

PRICES = st.integers(0, 10**12)
VOLUMES = st.tuples(st.integers(1, 999), st.sampled_from(["MB", "GB", "GiB", "TiB"])).map(lambda v: f"{v[0]}{v[1]}")
SPEEDS = st.integers(1, 900).map(lambda number: f"{number}M")
WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=["C"]), min_size=1, max_size=20)
CODES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,8}", fullmatch=True)
HOURS = st.sampled_from(["daily 00:00-06:00", "mon-fri 08:00-17:00", "sat,sun 22:00-02:00", "wed 12:00-24:00"])


def toml(value: Any) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return "{ " + ", ".join(f"{key} = {toml(one)}" for key, one in value.items()) + " }"


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


def tables(**columns: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return tables with these keys, without those that are drawn as None."""
    return st.fixed_dictionaries(columns).map(lambda drawn: {key: one for key, one in drawn.items() if one is not None})


RECURRING = tables(
    price=PRICES,
    period=st.sampled_from(["month", "30d", "7d", "1d"]),
    bill=maybe(st.sampled_from(["advance", "arrears"])),
    prorata=maybe(st.sampled_from(["calendar", "30", "none"])),
    extends=maybe(st.sampled_from(["expiry", "now"])),
    paused=maybe(st.sampled_from(["bill", "credit", "freeze"])),
    suspended=maybe(st.sampled_from(["bill", "credit", "freeze"])),
)
ALLOWANCE = tables(
    data=VOLUMES,
    counts=maybe(st.sampled_from(["both", "down", "up"])),
    throttled=st.just({"down": "1M", "up": "1M"}),
    prorata=maybe(st.booleans()),
    rollover=maybe(tables(periods=st.integers(1, 121), cap=maybe(VOLUMES))),
    steps=maybe(st.lists(tables(percent=st.integers(1, 200), down=SPEEDS, up=SPEEDS), min_size=1, max_size=2)),
)
TIERS = st.lists(VOLUMES, max_size=3).flatmap(
    lambda edges: st.tuples(*(tables(up_to=st.just(edge), price_per_gb=PRICES) for edge in edges)).flatmap(
        lambda tiers: tables(price_per_gb=PRICES).map(lambda last: [*tiers, last])
    )
)
USAGE = st.one_of(
    tables(price_per_gb=PRICES, cap=maybe(PRICES), gb=maybe(st.sampled_from(["GB", "GiB"]))),
    tables(tiers=TIERS, cap=maybe(PRICES)),
)
HAPPY = st.one_of(
    tables(hours=st.lists(HOURS, min_size=1, max_size=2), holidays=st.just(False), free=st.just(True)),
    tables(name=WORDS, hours=st.just(["tue 09:00-10:00"]), weight=st.sampled_from(["1/2", "0/1", "3/2"])),
    tables(holidays=st.just(True), price_per_gb=PRICES),
)
EXTRA = tables(code=CODES, name=WORDS, price=PRICES, telecom=maybe(st.booleans()))
TOP_UP = tables(code=CODES, name=WORDS, price=PRICES, data=VOLUMES, valid=maybe(st.sampled_from(["period", "30d"])))
RULE = st.one_of(tables(group=CODES, price=PRICES), tables(area=st.sampled_from(["a", "a/b", "c", "/"]), price=PRICES))
DISCOUNT = st.one_of(
    tables(name=WORDS, percent=st.integers(1, 101), periods=maybe(st.integers(1, 121))),
    tables(name=WORDS, amount=PRICES),
)
NEEDS = {
    "flat": ("recurring",), "volume": ("usage",), "hybrid": ("recurring", "allowance", "usage"), "per_use": ("usage",)
}  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> str:
    """Return files that are right more often than not, with something wrong here and there."""
    charging = draw(st.sampled_from(list(NEEDS)))
    head = {
        "code": draw(CODES),
        "name": draw(WORDS),
        "timing": draw(st.sampled_from(["prepaid", "postpaid"])),
        "charging": charging,
        "notify": sorted(draw(st.sets(st.integers(1, 120), max_size=3))),
    }
    text = "".join(f"{key} = {toml(value)}\n" for key, value in head.items())
    text += '[speed]\ndown = "900M"\nup = "900M"\n'
    has_fee = "recurring" in NEEDS[charging] or (charging == "volume" and draw(st.booleans()))
    has_allowance = charging == "hybrid" or (charging == "flat" and draw(st.booleans()))
    if has_fee:
        text += written("[recurring]", draw(RECURRING))
    if has_allowance:
        after = "charge" if charging == "hybrid" else draw(st.sampled_from(["throttle", "wall", "block"]))
        text += written("[allowance]", draw(ALLOWANCE) | {"after": after})
    if "usage" in NEEDS[charging]:
        text += written("[usage]", draw(USAGE))
    for name, table, fits in (
        ("happy", HAPPY, charging != "flat"), ("component", EXTRA, has_fee), ("price", RULE, has_fee),
        ("discount", DISCOUNT, has_fee), ("addon", EXTRA, has_fee), ("topup", TOP_UP, has_allowance),
    ):  # fmt: skip
        if fits:
            for one in draw(st.lists(table, max_size=2)):
                text += written(f"[[{name}]]", one)
    return text


def written(header: str, table: dict[str, Any]) -> str:
    return header + "\n" + "".join(f"{key} = {toml(value)}\n" for key, value in table.items())


def read(text: str) -> tuple[dict[str, Any], Plan] | None:
    """Return what a file means; None where it is refused, which is in one line that names file and key."""
    try:
        definition = parse_plan(text, "plan.toml", "IDR")
    except InvalidInputError as error:
        said = str(error)
    else:
        return definition, plan_from_definition(definition)
    assert said.startswith("plan.toml: line ")
    assert "\n" not in said
    return None


@given(files())
def test_a_file_is_refused_in_one_line_or_means_the_same_once_it_was_stored(text: str) -> None:
    taken = read(text)
    if taken is None:
        return
    definition, plan = taken
    assert plan_from_definition(json.loads(json.dumps(definition))) == plan
    assert read(text) == taken
    if plan.usage is not None:
        edges = [tier.up_to_units for tier in plan.usage.tiers]
        assert edges[-1] is None
        assert [edge for edge in edges if edge is not None] == sorted({edge for edge in edges if edge is not None})
    for number, one in enumerate(plan.happy_hours):
        for other in plan.happy_hours[number + 1 :]:
            assert not any(a < d and c < b for a, b in one.spans for c, d in other.spans)


@given(files())
def test_a_stored_plan_is_written_as_a_file_that_means_the_same(text: str) -> None:
    taken = read(text)
    if taken is not None:
        assert read(plan_text(taken[0])) == taken
