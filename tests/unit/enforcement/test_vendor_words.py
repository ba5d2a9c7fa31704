"""What operators are told of each vendor agrees with what is done."""

import re
from pathlib import Path

import pytest

from netbilld.enforcement import vendors
from netbilld.enforcement.vendors import VENDORS, vendor, vendor_or_any
from netbilld.enforcement.vendors.words import capability_words, walls_offered

GUIDE = (Path(__file__).parents[3] / "docs" / "operator.md").read_text("utf-8")
ROWS = {
    row[0].strip("` "): [cell.strip() for cell in row]
    for line in GUIDE.splitlines()
    if line.startswith("| `") and not line.startswith("| `--") and len(row := line.strip("|").split("|")) == 7
}


def test_the_guide_has_a_row_for_every_vendor() -> None:
    assert sorted(ROWS) == sorted(VENDORS)


@pytest.mark.parametrize("name", sorted(VENDORS))
def test_the_guides_row_is_true(name: str) -> None:
    known = vendor(name)
    _, _, speed, change, _, walls, volume = ROWS[name]
    assert (speed != "–") == (known.rate is not None)
    assert (change == "CoA") == known.coa_rate
    assert tuple(re.sub(r" \(.*?\)", "", walls).split(", ")) == walls_offered(known)
    assert (volume != "–") == (known.volume is not None)


@pytest.mark.parametrize("name", sorted(VENDORS))
def test_every_vendor_can_be_described(name: str) -> None:
    words = capability_words(vendor(name), None)
    assert set(words) == {"speed", "walled", "volume_limit", "orders"}
    assert all(words.values())
    assert vendor(name).notes
    assert vendor(name).title


def test_capabilities_are_said_in_words() -> None:
    assert capability_words(vendor("mikrotik"), None) == {
        "speed": "at log-in, and by CoA while a session runs",
        "walled": "by pool and list; on a hotspot refused, with a Reply-Message",
        "volume_limit": "upload, download, total on hotspots",
        "orders": "CoA and Disconnect; a session is known by "
        "User-Name, Acct-Session-Id, Framed-IP-Address, NAS-IP-Address",
    }
    assert capability_words(vendor("mikrotik"), "list")["walled"] == "by list"
    assert capability_words(vendor("ocserv"), None)["orders"] == "none"
    assert capability_words(vendor("hostapd"), None)["speed"] == "none"


def test_a_vendor_is_a_file_of_its_own() -> None:
    """A new one is a new file and its test: nothing else names them."""
    directory = Path(str(vendors.__file__)).parent
    named = {path.stem for path in directory.glob("*.py") if "VENDOR: Final" in path.read_text("utf-8")}
    assert {name.replace("-", "_") for name in VENDORS} == named


def test_a_vendor_of_another_release_is_served_by_the_rfcs() -> None:
    assert vendor_or_any("brand-new") is vendor("rfc")
