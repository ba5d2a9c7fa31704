"""What one node has metered the others know at once: who is let in, what is left, and which order leaves, once."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from netbilld.radius.attributes import CLASS, MIKROTIK_RECV_LIMIT, MIKROTIK_TOTAL_LIMIT, MIKROTIK_XMIT_LIMIT
from netbilld.radius.packet import decode
from tests.builders.plans import ONE_GB_TEXT, THROTTLED_TEXT
from tests.coa_server import CoaServer
from tests.daemon_process import DaemonProcess
from tests.nas_socket import ACCEPT, ACCOUNTING_RESPONSE, REJECT, NasSocket
from tests.node_world import EVERY_DUTY, coa_server, leads, nodes_on
from tests.peers import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.peer]

ONE_GB = 10**9
THROTTLES = ONE_GB_TEXT.format(code="LAMBAT", after="throttle") + THROTTLED_TEXT
BLOCKS = ONE_GB_TEXT.format(code="HABIS", after="block")
NAS = "127.0.0.3"  # which speaks with both nodes


class TwoNodes(NamedTuple):
    """Two nodes; what their NAS says `here` the first hears, and the second what it says `there`."""

    coa: CoaServer
    first: DaemonProcess
    second: DaemonProcess
    here: NasSocket
    there: NasSocket


def account(nas: NasSocket, status: str, user: str, **what: Any) -> None:
    number = int(user.removeprefix("user"))
    answer = nas.account(
        status,
        session_id=f"8f{number:06}",
        user=user,
        mac=f"02:00:00:00:00:{number:02X}",
        ip=f"10.0.0.{number}",
        **what,
    )
    assert answer == ACCOUNTING_RESPONSE


def begin(nas: NasSocket, user: str) -> None:
    """Log in and say Start with the Class that was given."""
    reply = nas.exchange(nas.login_request(user))
    assert reply is not None
    granted = decode(reply).get(CLASS)
    assert granted is not None
    account(nas, "start", user, extra=((CLASS, granted),))


def octets_left(nas: NasSocket, user: str) -> int | None:
    """Log in and return what the Access-Accept says is left; None where there is no limit."""
    reply = nas.exchange(nas.login_request(user))
    assert reply is not None
    assert reply[0] == ACCEPT
    packet = decode(reply)
    told = [packet.get(limit) for limit in (MIKROTIK_RECV_LIMIT, MIKROTIK_XMIT_LIMIT, MIKROTIK_TOTAL_LIMIT)]
    return min((int.from_bytes(octets, "big") for octets in told if octets is not None), default=None)


@contextmanager
def two_nodes(tmp_path: Path, url: str) -> Iterator[TwoNodes]:
    """Give two nodes, of which the first leads and the second does not, and a NAS of both."""
    with coa_server(NAS) as coa, nodes_on(tmp_path, [url, url]) as (first, second):
        first.plan(THROTTLES)
        first.plan(BLOCKS)
        first.nas("pop1", NAS, "--coa-port", str(coa.port))
        for number, plan in enumerate(("LAMBAT", "HABIS", "HABIS"), 1):
            first.cli("subscriber", "add", f"user{number}", "--plan", plan, "--password", "rahasia")
        first.start()
        wait_until(lambda: leads(first) == EVERY_DUTY, "the first node leads")
        second.start()
        wait_until(lambda: "node second is there" in first.log, "the first knows the second")
        wait_until(lambda: "node first is there" in second.log, "and the second the first")
        with NasSocket(first, NAS) as here, NasSocket(second, NAS) as there:
            yield TwoNodes(coa, first, second, here, there)


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
def test_what_a_node_that_does_not_lead_has_metered_is_acted_on_once_and_known_to_the_other(
    tmp_path: Path, migrated_url: str
) -> None:
    with two_nodes(tmp_path, migrated_url) as (coa, first, second, here, there):
        # a crossing that the second node meters: the first one, which leads, sends the order
        begin(there, "user1")
        account(there, "interim", "user1", up=0, down=2 * ONE_GB, seconds=60)
        wait_until(lambda: first.metrics()['netbilld_coa_answers_total{answer="ack"}'] == 1, "the NAS is told")
        assert [(order.kind, order.rate) for order in coa.of("user1")] == [("coa", "1M/2M")]
        assert second.metrics()["netbilld_coa_requests_total"] == 0

        # what is left of an allowance, as the other node tells a NAS at log-in
        assert octets_left(here, "user2") == ONE_GB
        begin(there, "user2")
        account(there, "interim", "user2", up=0, down=600_000_000, seconds=60)
        wait_until(lambda: octets_left(here, "user2") == 400_000_000, "the first node knows what is left")

        # used up at one node: refused at the other, either way
        account(there, "interim", "user2", up=0, down=ONE_GB, seconds=120)
        wait_until(partial(_is_refused, here, "user2"), "the first node lets it in no more")
        assert _is_refused(there, "user2")
        begin(here, "user3")
        account(here, "interim", "user3", up=0, down=ONE_GB, seconds=60)
        wait_until(partial(_is_refused, there, "user3"), "nor does the second one")

        # each was acted on once, and stays so over a look at everything
        wait_until(lambda: len(coa.of("user2")) == len(coa.of("user3")) == 1, "both sessions are ended")
        kinds = [order.kind for user in ("user1", "user2", "user3") for order in coa.of(user)]
        assert kinds == ["coa", "disconnect", "disconnect"]


def _is_refused(nas: NasSocket, user: str) -> bool:
    return nas.ask(nas.login_request(user)) == REJECT


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
def test_what_a_node_had_no_time_to_tell_before_it_was_killed_is_found_by_the_others(
    tmp_path: Path, migrated_url: str
) -> None:
    """Committed and not followed up: the node that lives decides on everybody anew when it finds the other gone."""
    with two_nodes(tmp_path, migrated_url) as (coa, first, second, here, there):
        begin(there, "user3")
        wait_until(lambda: first.metrics()["netbilld_admission_sessions"] == 1, "the first knows the session")
        first.stop()  # it can be told nothing
        account(there, "interim", "user3", up=0, down=ONE_GB, seconds=60)
        wait_until(partial(_is_refused, there, "user3"), "the second node has metered it")
        second.kill()
        first.go_on()
        wait_until(partial(_is_refused, here, "user3"), "the first node lets it in no more")
        wait_until(lambda: bool(coa.of("user3")), "and has its session ended", 40)
        assert [order.kind for order in coa.of("user3")] == ["disconnect"]
