"""What is sold to whom, by the command line: groups, areas, own terms, coupons, pauses, top-ups, shared allowances."""

from pathlib import Path
from typing import Any

import pytest

from tests.people_world import CommandLine

FAMILY = """
code = "KELUARGA"
name = "Keluarga"
timing = "{timing}"
charging = "hybrid"
[recurring]
price = 250000
period = "month"
[speed]
down = "20M"
up = "10M"
[allowance]
data = "300GB"
after = "charge"
[usage]
price_per_gb = 3000
cap = 100000
[[happy]]
name = "Malam"
hours = ["daily 00:00-06:00"]
free = true
[[component]]
code = "TV"
name = "80 kanal"
price = 75000
[[price]]
area = "jabar/bandung"
price = 225000
[[addon]]
code = "IP"
name = "Alamat tetap"
price = 50000
[[topup]]
code = "50GB"
name = "Tambah 50 GB"
price = 40000
data = "50GB"
valid = "30d"
"""


@pytest.fixture
def shop(netbilld: CommandLine, tmp_path: Path) -> CommandLine:
    """A plan with everything beside HOME20, and budi on HOME20."""
    assert netbilld("area", "add", "jabar/bandung", "--name", "Bandung") == 0, netbilld.err
    for code, timing in (("KELUARGA", "postpaid"), ("KELUARGA-PRA", "prepaid")):
        plan = tmp_path / f"{code}.toml"
        plan.write_text(FAMILY.format(timing=timing).replace('"KELUARGA"', f'"{code}"'))
        assert netbilld("plan", "add", str(plan)) == 0, netbilld.err
    assert netbilld("subscriber", "add", "budi", "--plan", "HOME20", "--password", "x") == 0, netbilld.err
    return netbilld


def show(shop: CommandLine, username: str = "budi") -> dict[str, Any]:
    shown = shop.json("subscriber", "show", username)
    assert isinstance(shown, dict)
    return shown


def test_plan_show_says_every_part(shop: CommandLine) -> None:
    """BANG-2.7b, INCA-16."""
    assert shop("plan", "show", "keluarga") == 0
    for words in (
        "Rp250.000/month", "80 kanal Rp75.000 (revenue:tv)", "area jabar/bandung Rp225.000", "Rp3.000/GB",
        "at most Rp100.000 a period", "Malam (", "IP Alamat tetap Rp50.000", "50GB 50.00 GB Rp40.000, 30 days",
    ):  # fmt: skip
        assert words in shop.out, words
    document = shop.json("plan", "show", "KELUARGA")
    assert document["definition"]["components"][0]["price_minor"] == 75_000
    assert document["versions"][0]["effective_on"] is None


def test_groups_and_areas_are_listed_and_counted(shop: CommandLine) -> None:
    assert shop("group", "add", "warga", "--name", "Warga RW 05") == 0
    assert "exists" in shop.refused("group", "add", "WARGA")
    assert shop("subscriber", "set", "budi", "--group", "Warga", "--area", "Jabar / Bandung") == 0, shop.err
    assert shop.json("group", "list") == [{"code": "warga", "name": "Warga RW 05", "subscribers": 1}]
    assert shop.json("area", "list") == [{"path": "jabar/bandung", "name": "Bandung", "subscribers": 1}]
    assert show(shop)["group"] == "warga"
    assert shop("group", "remove", "warga") == 0
    assert "no group 'warga'" in shop.refused("group", "remove", "warga")


def test_a_service_has_its_own_price_and_speed_with_who_and_why(shop: CommandLine) -> None:
    """BANG-2.2h: also whether it pays before or after."""
    assert "say why" in shop.refused("subscriber", "set", "budi", "--price", "150000")
    words = ("--price", "150000", "--speed", "30M/15M", "--timing", "prepaid", "--why", "tetangga")
    assert shop("subscriber", "set", "budi", *words) == 0, shop.err
    shown = show(shop)
    terms = shown["terms"]
    assert (terms["price"], terms["down_bps"], terms["timing"]) == (150_000, 30_000_000, "prepaid")
    assert terms["why"] == "tetangga"
    assert terms["by"]
    assert (shown["access"], shown["access_reason"]) == ("walled", "expired")  # prepaid now, and nothing is paid
    assert shop("subscriber", "set", "budi", "--price", "none", "--speed", "none", "--timing", "plan") == 0, shop.err
    terms = show(shop)["terms"]
    assert (terms["price"], terms["down_bps"], terms["timing"]) == (None, None, None)
    assert show(shop)["access"] == "active"


def test_add_ons_discounts_and_complimentary_service(shop: CommandLine) -> None:
    assert "has no add-on 'IP'" in shop.refused("subscriber", "set", "budi", "--add-on", "IP")
    assert shop("subscriber", "set", "budi", "--plan", "KELUARGA", "--add-on", "ip") == 0, shop.err
    assert show(shop)["terms"]["add_ons"] == ["IP"]
    assert shop("subscriber", "set", "budi", "--discount", "10%", "--periods", "3", "--why", "Maaf") == 0, shop.err
    (discount,) = show(shop)["terms"]["discounts"]
    assert (discount["name"], discount["percent"], discount["periods"]) == ("Maaf", 10.0, 3)
    assert shop("subscriber", "set", "budi", "--free", "yes", "--why", "masjid") == 0
    assert show(shop)["terms"]["free"] is True
    assert shop("subscriber", "set", "budi", "--drop-add-on", "IP", "--discount", "none", "--free", "no") == 0
    terms = show(shop)["terms"]
    assert (terms["add_ons"], terms["discounts"], terms["free"]) == ([], [], False)


def test_a_coupon_is_for_so_many_within_its_days_and_for_its_plans(shop: CommandLine) -> None:
    add = ("coupon", "add", "LEBARAN", "25%", "--periods", "2", "--uses", "1", "--plan", "KELUARGA")
    assert shop(*add, "--name", "Promo Lebaran") == 0, shop.err
    assert "is for KELUARGA, not for HOME20" in shop.refused("subscriber", "set", "budi", "--coupon", "lebaran")
    assert shop("subscriber", "set", "budi", "--plan", "KELUARGA", "--coupon", "lebaran") == 0, shop.err
    (discount,) = show(shop)["terms"]["discounts"]
    assert (discount["name"], discount["percent"], discount["periods"]) == ("Promo Lebaran", 25.0, 2)
    assert shop.json("coupon", "list")[0]["used"] == 1
    shop("subscriber", "add", "siti", "--plan", "KELUARGA", "--password", "x")
    assert "is used up: 1 of 1" in shop.refused("subscriber", "set", "siti", "--coupon", "LEBARAN")
    assert shop("coupon", "add", "LAMA", "5000", "--until", "2020-01-01") == 0
    assert "ended on 2020-01-01" in shop.refused("subscriber", "set", "siti", "--coupon", "LAMA")
    assert "no coupon 'BARU'" in shop.refused("subscriber", "set", "siti", "--coupon", "BARU")
    assert "0.01% to 100%" in shop.refused("coupon", "add", "X", "101%")
    assert shop("coupon", "add", "DUA", "5000") == 0
    assert shop("subscriber", "set", "siti", "--coupon", "DUA") == 0
    assert "has had coupon DUA" in shop.refused("subscriber", "set", "siti", "--coupon", "DUA")
    assert shop("coupon", "end", "DUA", "--on", "2020-01-01") == 0


def test_a_downgrade_waits_and_is_shown(shop: CommandLine) -> None:
    assert shop("subscriber", "set", "budi", "--plan", "KELUARGA") == 0
    assert show(shop)["plan"] == "KELUARGA"
    assert shop("subscriber", "set", "budi", "--plan", "HOME20") == 0
    (planned,) = show(shop)["planned"]
    assert planned["plan"] == "HOME20"
    again = ("--plan", "HOME20", "--reset-allowance")
    assert f"reset changed, from {planned['from']}" in shop_said(shop, *again)
    assert show(shop)["plan"] == "KELUARGA"
    assert shop("subscriber", "set", "budi", "--plan", "HOME20", "--from", "now") == 0
    assert (show(shop)["plan"], show(shop)["planned"]) == ("HOME20", [])
    assert "allowed: now, next" in shop.refused(
        "subscriber", "set", "budi", "--plan", "KELUARGA", "--from", "2020-01-01"
    )


def shop_said(shop: CommandLine, *words: str) -> str:
    assert shop("subscriber", "set", "budi", *words) == 0, shop.err
    return shop.out


def test_a_pause_is_at_once_or_planned_and_taken_back(shop: CommandLine) -> None:
    assert shop("subscriber", "pause", "budi", "--from", "2099-01-10", "--until", "2099-02-01") == 0, shop.err
    shown = show(shop)
    assert shown["status"] == "active"
    assert shown["stops"] == [{"kind": "paused", "from": "2099-01-10", "until": "2099-02-01", "reason": None}]
    assert "has a pause from 2099-01-10" in shop.refused("subscriber", "pause", "budi")
    assert shop("subscriber", "resume", "budi") == 0
    assert show(shop)["stops"] == []
    assert shop("subscriber", "pause", "budi", "--reason", "mudik") == 0, shop.err
    shown = show(shop)
    assert (shown["status"], shown["access"], shown["access_reason"]) == ("paused", "walled", "paused")
    assert "is over" in shop.refused("subscriber", "pause", "budi", "--from", "2020-01-01")
    assert shop("subscriber", "resume", "budi") == 0
    assert (show(shop)["status"], show(shop)["stops"]) == ("active", [])
    shop("subscriber", "suspend", "budi")
    assert "is suspended by staff" in shop.refused("subscriber", "pause", "budi")


def test_a_top_up_is_paid_from_the_wallet_or_waits_for_the_invoice(shop: CommandLine) -> None:
    assert "has no top-up '50GB'" in shop.refused("topup", "add", "budi", "50GB")
    shop("subscriber", "set", "budi", "--plan", "KELUARGA")
    assert shop("topup", "add", "budi", "50gb", "--idempotency-key", "k1") == 0, shop.err
    assert "Rp40.000 on the next invoice" in shop.out
    assert shop("topup", "add", "budi", "50gb", "--idempotency-key", "k1") == 0, shop.err
    (sold,) = shop.json("topup", "list", "budi")
    assert (sold["data_octets"], sold["paid_from"], sold["price"]) == (50 * 10**9, "invoice", 40_000)
    shop("subscriber", "add", "siti", "--plan", "KELUARGA-PRA", "--password", "x", "--active-until", "2099-01-01")
    assert "holds 0, 50GB costs 40000" in shop.refused("topup", "add", "siti", "50GB")
    assert shop("payment", "add", "siti", "100000", "--method", "cash") == 0, shop.err
    assert shop("topup", "add", "siti", "50GB") == 0, shop.err
    assert show(shop, "siti")["wallet"] == 60_000
    assert shop("ledger", "check") == 0, shop.out


def test_services_of_one_subscriber_share_an_allowance(shop: CommandLine) -> None:
    """INCA-44: many devices under one account with one pooled allowance."""
    number = show(shop)["subscriber_no"]
    for name in ("00:00:5E:00:53:01", "00:00:5E:00:53:02"):
        assert shop("subscriber", "add", name, "--plan", "HOME20", "--of", number) == 0, shop.err
    share = ("allowance", "share", "Sensor", "00:00:5E:00:53:01", "00:00:5E:00:53:02")
    assert shop(*share, "--kind", "devices", "--data", "5GB") == 0, shop.err
    assert shop("allowance", "share", "sensor", "budi") == 0, shop.err
    (shared,) = shop.json("allowance", "list")
    assert (shared["name"], shared["kind"], shared["data_octets"]) == ("Sensor", "devices", 5 * 10**9)
    assert set(shared["usernames"]) == {"00:00:5E:00:53:01", "00:00:5E:00:53:02", "budi"}
    shop("subscriber", "add", "siti", "--plan", "HOME20", "--password", "x")
    assert "another subscriber's" in shop.refused("allowance", "share", "Sensor", "siti")
    assert "shares 'Sensor' already" in shop.refused("allowance", "share", "Lain", "budi")
    assert shop("allowance", "unshare", "budi") == 0
    assert "shares no allowance" in shop.refused("allowance", "unshare", "budi")
    assert shop("subscriber", "set", "budi", "--billing-day", "1" if show(shop)["billing_day"] != 1 else "2") == 0
    assert "is billed on day" in shop.refused("allowance", "share", "sensor", "00:00:5E:00:53:01", "budi")


def test_moving_running_services_lists_them_first(shop: CommandLine, tmp_path: Path) -> None:
    """BANG-2.6f."""
    dearer = tmp_path / "home20.toml"
    dearer.write_text(dearer.read_text().replace("200000", "225000"))
    assert shop("plan", "set", str(dearer), "--effective", "2099-01-01") == 0, shop.err
    assert "version 2" in shop.out
    assert shop("plan", "move", "HOME20", "--on", "2099-01-01", "--dry-run") == 0, shop.err
    assert "1 -> 2" in shop.out
    assert "1 services would be moved" in shop.out
    (moved,) = shop.json("plan", "move", "HOME20", "--on", "2099-01-01")
    assert (moved["old_minor"], moved["new_minor"], moved["from_on"]) == (200_000, 225_000, "2099-01-01")
    assert show(shop)["planned"][0]["plan_version"] == 2
    assert "goes with a file" in shop.refused("plan", "set", "HOME20", "--effective", "2099-01-01")


def test_a_plan_is_sold_to_pppoe_users_and_hotspot_devices_alike(shop: CommandLine) -> None:
    """KAMIL-13."""
    assert shop("subscriber", "add", "siti@pppoe", "--plan", "KELUARGA", "--password", "x") == 0, shop.err
    assert shop("subscriber", "add", "00:00:5E:00:53:09", "--plan", "KELUARGA") == 0, shop.err
    for username in ("siti@pppoe", "00:00:5E:00:53:09"):
        shown = show(shop, username)
        assert (shown["plan"], shown["access"]) == ("KELUARGA", "active")
