"""The commands of taxes, stamps and NIK."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.people_world import CommandLine


def test_rates_are_those_of_the_settings_beside_the_known_ones(
    netbilld: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """INCA-24."""
    assert netbilld.json("tax", "rules")["is_pkp"] is False
    assert netbilld("tax", "rules") == 0
    assert "nothing is taxed" in netbilld.out
    config = tmp_path / "netbilld.toml"
    config.write_text('[tax]\nis_pkp = true\n[[tax.rules]]\nvalid_from = 2027-07-01\nrate = 12\nbase = "1/1"\n')
    monkeypatch.setenv("NETBILLD_CONFIG", str(config))
    rules = netbilld.json("tax", "rules")
    assert rules["is_pkp"] is True
    assert [(rule["valid_from"], rule["percent"], rule["base"]) for rule in rules["rules"]] == [
        ("1985-04-01", "10", "1"),
        ("2022-04-01", "11", "1"),
        ("2025-01-01", "12", "11/12"),
        ("2027-07-01", "12", "1"),
    ]
    config.write_text('[[tax.rules]]\nvalid_from = 2027-07-01\nrate = 12\nbase = "12/11"\n')
    assert f"{config}: tax.rules.base: " in netbilld.refused("tax", "rules")
    config.write_text("[[tax.rules]]\nvalid_from = 2027-07-01\nrate = 12\nrounding = 1\n")
    assert "tax.rules.rounding: unknown setting; allowed here: code, " in netbilld.refused("tax", "rules")


def test_an_export_asks_for_the_providers_tax_id_and_says_what_there_is(
    netbilld: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "tax.tin" in netbilld.refused("tax", "coretax", "--month", "2026-01")
    monkeypatch.setenv("NETBILLD_TAX__TIN", "0012345678901000")
    exported = netbilld.json("tax", "coretax", "--month", "2026-01", "-o", str(tmp_path / "out"))
    assert (exported["documents"], exported["files"], exported["vat"]) == (0, [], 0)
    assert netbilld.json("tax", "list", "--month", "2026-01") == []
    assert "before Coretax" in netbilld.refused("tax", "coretax", "--month", "2024-12")
    assert "--status" in netbilld.refused("tax", "set", "INV-1")


def test_levies_are_shown_by_month_and_what_others_were_paid_is_taken_off(
    netbilld: CommandLine, tmp_path: Path
) -> None:
    assert netbilld("tax", "deduct", "2026-02", "85000000", "--note", "upstream") == 0, netbilld.err
    levies = netbilld.json("tax", "bhp", "--year", "2026", "--csv", str(tmp_path / "bhp.csv"))
    assert (levies["to_others"], levies["base"], levies["bhp"], levies["due_on"]) == (
        85_000_000,
        -85_000_000,
        0,
        "2027-04-30",
    )
    assert [month["to_others"] for month in levies["months"]][:3] == [0, 85_000_000, 0]
    assert (tmp_path / "bhp.csv").read_text().splitlines()[2] == "2026-02,,0,0,0,85000000,-85000000,0"
    assert netbilld.json("tax", "bhp", "--month", "2026-02") == []
    assert netbilld("tax", "bhp", "--year", "2026") == 0
    assert "BHP 0.5 %" in netbilld.out
    assert "--year" in netbilld.refused("tax", "bhp")


def test_a_nik_is_found_and_seen_by_who_says_why(netbilld: CommandLine, type_in: Callable[[str], None]) -> None:
    assert netbilld("subscriber", "add", "budi", "--plan", "home20", "--password", "x") == 0, netbilld.err
    type_in("3273014107900001\n")
    assert netbilld("subscriber", "set", "budi", "--nik-stdin") == 0, netbilld.err
    type_in("3273014107900001\n")
    assert netbilld.json("tax", "find-nik", "--nik-stdin") == ["100001"]
    assert netbilld("tax", "nik", "budi", "--why", "at the counter") == 0
    assert netbilld.out == "3273014107900001\n"
    assert "no invoice" in netbilld.refused("tax", "stamp", "INV-1", "X")
