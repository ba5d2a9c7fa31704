"""Who may connect over RadSec, by which certificate, and the daemon's own that changes."""

import socket
import ssl
from collections.abc import Iterator

import pytest

from tests.peers import wait_until
from tests.radsec_town import ANYWAY, POP1, ROAMING, UNBOUND, Town, radsec_town

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with radsec_town(tmp_path_factory.mktemp("radsec")) as town:
        yield town


# -- who may connect ---------------------------------------------------------------------------------------------------


def refused(town: Town, name: str | None, source: str, **how: object) -> bool:
    """Whether a connection ends before a request is answered."""
    try:
        with town.client(name, source, **how) as nas:
            return nas.ask(nas.status_request()) is None
    except (ssl.SSLError, ConnectionError):
        return True


@pytest.mark.parametrize(
    ("name", "source", "why", "words"),
    [
        (None, "127.0.0.11", "tls_failed", "it showed no certificate"),
        ("old", "127.0.0.12", "tls_failed", "its certificate is not believed: certificate has expired"),
        ("other", "127.0.0.13", "tls_failed", "its certificate is not believed: "),
        (
            "budi",
            "127.0.2.2",
            "other_certificate",
            "its certificate is for budi: if that is right, `netbilld nas set pop1",
        ),
        ("pop1", ROAMING, "other_certificate", "its certificate is for pop1"),
        (
            "phone",
            "127.0.2.3",
            "other_certificate",
            "its certificate, for phone, pop1, is a subscriber's: it is for EAP",
        ),
        ("phone", ANYWAY, "other_certificate", "its certificate, for phone, pop1, is a subscriber's: it is for EAP"),
        (
            "either",
            "127.0.2.4",
            "other_certificate",
            "its certificate, for either, pop1, tono, doesn't say whose it is",
        ),
        ("pop1", UNBOUND, "unknown_client", "no NAS has this address or certificate"),
    ],
)
def test_whoever_is_no_nas_is_turned_away_counted_and_named(
    town: Town, name: str | None, source: str, why: str, words: str
) -> None:
    before = town.closed(why)
    if name == "other":
        assert refused(town, "pop1", source, client_certs=town.other.directory)
    else:
        assert refused(town, name, source)
    assert town.closed(why) == before + 1
    assert f"RadSec from {source} is refused: {words}" in town.daemon.log


def test_a_certificate_for_radsec_is_the_nas_s_although_a_subscriber_has_a_name_of_it(town: Town) -> None:
    assert not refused(town, "router", POP1)


def test_why_is_said_once_a_minute(town: Town) -> None:
    for _ in range(3):
        assert refused(town, "roaming.example.net", "127.0.0.9", client_certs=town.certs) is False
        assert refused(town, "budi", "127.0.0.9")
    lines = [line for line in town.daemon.log.splitlines() if "RadSec from 127.0.0.9 is refused" in line]
    assert len(lines) == 1, lines
    assert "no NAS has this address or certificate" in lines[0]


def test_a_nas_is_known_by_its_certificate_wherever_it_calls_from(town: Town) -> None:
    for source in (ROAMING, POP1, "127.0.0.77"):
        with town.client("roaming.example.net", source) as nas:
            session = f"85{source.rpartition('.')[2].zfill(6)}"
            assert nas.ask(nas.accounting_request("start", session_id=session, user="wati")) is not None
    wait_until(
        lambda: [row["nas"] for row in town.sessions("wati")] == ["roaming"] * 3, "the sessions are the roaming NAS's"
    )


def test_any_certificate_of_the_authority_will_do_where_an_operator_says_so(town: Town) -> None:
    with town.client("budi", ANYWAY) as nas:
        assert nas.ask(nas.status_request()) is not None


def test_ipv6(town: Town) -> None:
    assert not refused(town, "pop1", "", host="::1")


def test_a_client_that_speaks_no_tls_is_turned_away(town: Town) -> None:
    before = town.closed("tls_failed")
    with socket.socket() as plain:
        plain.bind((POP1, 0))
        plain.connect(("127.0.0.1", town.port))
        plain.sendall(b"\x01\x07\x00\x14" + bytes(16))
        plain.settimeout(10)
        try:
            while plain.recv(4096):
                pass
        except ConnectionError:
            pass
    assert town.closed("tls_failed") == before + 1


def test_a_nas_that_is_removed_or_bound_anew_loses_its_connection(town: Town) -> None:
    town.daemon.nas("passing", "127.0.0.20", "--radsec-name", "*")

    def connected() -> bool:
        return not refused(town, "budi", "127.0.0.20")

    wait_until(connected, "the new NAS is served")
    with town.client("budi", "127.0.0.20") as nas:
        assert nas.ask(nas.status_request()) is not None
        town.daemon.cli("nas", "set", "passing", "--radsec-name", "passing.example.net")
        assert nas.is_ended()
    assert refused(town, "budi", "127.0.0.20")


# -- certificates that change ------------------------------------------------------------------------------------------


def test_a_renewed_certificate_is_shown_to_new_connections_without_a_restart(town: Town) -> None:
    def serial() -> str:
        with town.client() as nas:
            assert nas.ask(nas.status_request()) is not None
            shown = nas.tls.getpeercert()
            assert shown is not None
            return str(shown["serialNumber"])

    before = serial()
    with town.client() as living:
        living.ask(living.status_request())
        town.daemon.cli("certs", "init", "--renew")
        assert serial() != before
        assert living.ask(living.status_request()) is not None


def test_a_certificate_that_breaks_meanwhile_is_said_and_the_old_one_stays_in_use(town: Town) -> None:
    kept = town.files.server.read_bytes()
    try:
        town.files.server.write_bytes(b"broken")
        with town.client() as nas:
            assert nas.ask(nas.status_request()) is not None
        assert "RadSec goes on with the certificate it has: " in town.daemon.log
    finally:
        town.files.server.write_bytes(kept)
    with town.client() as nas:
        assert nas.ask(nas.status_request()) is not None
