"""Whose a thing on a router is."""

from uuid import UUID

import pytest

from netbilld.enforcement.router_mark import OfService, OfSession, read_mark, service_mark, session_mark

SERVICE = UUID("5e11ce00-0000-4000-8000-00000000000a")


def test_a_mark_is_read_as_it_was_made() -> None:
    assert session_mark(17) == "netbilld:s=17"
    assert read_mark(session_mark(17)) == OfSession(17)
    assert service_mark(SERVICE) == f"netbilld:v={SERVICE}"
    assert read_mark(service_mark(SERVICE)) == OfService(SERVICE)


def test_people_may_write_on_behind_a_mark() -> None:
    assert read_mark("netbilld:s=17 Pak Budi, jangan dihapus") == OfSession(17)


@pytest.mark.parametrize(
    "comment",
    [
        None,
        "",
        "Pak Budi",
        "netbilld",
        "netbilld: walled garden",
        "netbilld:s=",
        "netbilld:s=-1",
        "netbilld:s=17a",
        "netbilld:s=٣",
        " netbilld:s=17",
        "Netbilld:s=17",
        "netbilld:v=5e11ce00",
        "netbilld:v=5E11CE00-0000-4000-8000-00000000000A",
        f"not netbilld:v={SERVICE}",
        "netbilld:s=9999999999999999999",
    ],
)
def test_what_carries_no_whole_mark_is_not_ours(comment: str | None) -> None:
    assert read_mark(comment) is None
