"""What tells one station from the others of its service, where addresses are given."""

import pytest

from netbilld.radius.attributes import ACCT_SESSION_ID, CALLING_STATION_ID, NAS_PORT, NAS_PORT_ID
from netbilld.services.assign_addresses import session_key
from tests.radius_requests import Pairs, accepted, access_request

PORT: Pairs = [(NAS_PORT_ID, b"vlan100"), (NAS_PORT, b"\0\0\0\7")]
SESSION = (ACCT_SESSION_ID, b"81000001")


@pytest.mark.parametrize(
    ("pairs", "key"),
    [
        ([(CALLING_STATION_ID, b"48-8f-5a-00-00-01"), *PORT], "48:8F:5A:00:00:01"),
        ([(CALLING_STATION_ID, b"488f.5a00.0001")], "48:8F:5A:00:00:01"),
        ([(CALLING_STATION_ID, b"203.0.113.7"), *PORT], "203.0.113.7"),
        ([*PORT, SESSION], "vlan100/00000007"),
        ([PORT[0], SESSION], "81000001"),
        ([SESSION], "81000001"),
        ([], None),
    ],
)
def test_a_station_is_told_by_its_mac_address_else_its_line_else_its_session(pairs: Pairs, key: str | None) -> None:
    assert session_key(accepted(access_request(pairs))) == key
