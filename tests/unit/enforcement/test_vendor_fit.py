"""What of a plan a vendor can't be told, said before anything is sent."""

from dataclasses import replace

import pytest

from netbilld.billing.plan import AfterAllowance, Burst, Speed
from netbilld.enforcement.vendors import VENDORS, vendor
from netbilld.enforcement.vendors.fit import misfits
from tests.builders.plans import allowance, plan

EVEN = Speed(20_000_000, 10_000_000)
BURST = Burst(30_000_000, 15_000_000, 15_000_000, 8_000_000, 10)


@pytest.mark.parametrize("name", [name for name in VENDORS if name not in {"rfc", "hostapd", "aruba"}])
def test_whole_megabits_fit_every_vendor_that_takes_numbers(name: str) -> None:
    assert misfits(plan(speed=EVEN), vendor(name)) == []


@pytest.mark.parametrize(
    ("name", "speed", "words"),
    [
        ("hostapd", EVEN, "takes no speed"),
        ("aruba", EVEN, "by name only"),
        ("coovachilli", Speed(1_500_500, 1_000_000), "steps of 1000 bit/s: 1500500 becomes 1501000"),
        ("ocserv", Speed(1_001_000, 1_000_000), "steps of 8000 bit/s: 1001000 becomes 1008000"),
        ("wispr", Speed(10_000_000_000, 1_000_000_000), "can't be told more than 4294967295 bit/s"),
        ("accel-ppp", replace(EVEN, burst=BURST), "no words for a burst"),
        ("huawei", replace(EVEN, minimum_down_bps=1_000_000), "no words for a minimum"),
    ],
)
def test_what_a_vendor_has_no_words_for_is_named(name: str, speed: Speed, words: str) -> None:
    (said,) = misfits(plan(speed=speed), vendor(name))
    assert words in said


def test_mikrotik_is_told_all_of_it() -> None:
    whole = replace(EVEN, down_bps=10_000_000_000, burst=BURST, minimum_down_bps=1_000_000, priority=1)
    assert misfits(plan(speed=whole), vendor("mikrotik")) == []


def test_the_slower_speed_after_an_allowance_must_fit_too() -> None:
    named = replace(EVEN, nas_profile="HOME20")
    limited = plan(speed=named, allowance=allowance(AfterAllowance.THROTTLE, 10**9))
    assert misfits(plan(speed=named), vendor("aruba")) == []
    (said,) = misfits(limited, vendor("aruba"))
    assert "throttled.nas_profile" in said
