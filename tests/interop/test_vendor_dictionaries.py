"""Our attribute numbers and types against FreeRADIUS's dictionaries, which others wrote."""

import warnings
from pathlib import Path

import pytest
from pyrad.dictionary import Dictionary

from netbilld.radius.dictionary import names
from tests.peers import missing

FREERADIUS = Path("/usr/share/freeradius")
# Vendors of ours by FreeRADIUS's file; airOS's and some of the others' attributes came later than some releases.
FILES = {
    9: "cisco",
    311: "microsoft",
    529: "ascend",
    2011: "huawei",
    4874: "erx",
    10055: "roaringpenguin",
    14122: "wispr",
    14559: "chillispot",
    14823: "aruba",
    14988: "mikrotik",
    17713: "cambium",
    25053: "ruckus",
}
SAME = {"date": "integer", "octets": "string", "abinary": "string"}


@pytest.mark.parametrize(("vendor", "file"), FILES.items(), ids=FILES.values())
def test_a_vendors_attributes_are_freeradiuss(vendor: int, file: str) -> None:
    path = FREERADIUS / f"dictionary.{file}"
    if not path.is_file():
        missing(f"freeradius-common ({path})")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what pyrad leaves out, it says
        theirs = Dictionary(str(path))
    by_number = {
        attribute.code: (_plain(name), SAME.get(attribute.type, attribute.type))
        for name, attribute in theirs.attributes.items()
        if not attribute.is_sub_attribute
    }
    ours = {key & 0xFF: known for key, known in names().items() if key >> 8 == vendor}
    compared = 0
    for number, known in ours.items():
        if number in by_number:
            assert (_plain(known.name), SAME.get(known.type, known.type)) == by_number[number], number
            compared += 1
    assert compared >= min(len(ours), 2)


def _plain(name: str) -> str:
    return name.replace("-", "").lower()
