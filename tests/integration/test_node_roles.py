"""A node does the part it is given, opens no port of another part, and says what it does."""

import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from netbilld.daemon.roles import EVERYTHING, Duty, Role, duties_of, listed, roles_of
from netbilld.model.errors import InvalidInputError
from tests.daemon_process import DaemonProcess
from tests.nas_socket import ACCEPT, ACCOUNTING_RESPONSE, NasSocket
from tests.node_world import leads, nodes_on
from tests.peers import wait_until


def test_roles_are_read_from_a_list_and_give_duties() -> None:
    assert roles_of("billing, PANEL") == {Role.BILLING, Role.PANEL}
    assert listed(EVERYTHING) == "radius,enforcement,billing,panel,portal,polling,mqtt"
    assert duties_of({Role.PANEL}) == ()
    assert set(duties_of(EVERYTHING)) == set(Duty)


@pytest.mark.parametrize(("text", "said"), [("radius,dance", "role 'dance' is unknown"), (" , ", "no role is named")])
def test_a_role_that_is_unknown_is_refused_with_what_is_allowed(text: str, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said) as refused:
        roles_of(text)
    assert "radius, enforcement, billing" in str(refused.value)


@pytest.mark.slow
@pytest.mark.peer
@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
def test_two_nodes_share_the_roles_between_them(tmp_path: Path, migrated_url: str) -> None:
    with nodes_on(tmp_path, [migrated_url, migrated_url]) as (radius, office):
        radius.plan()
        radius.nas("pop1", "127.0.0.3")
        radius.cli("subscriber", "add", "budi", "--plan", "RUMAH20", "--password", "rahasia")
        radius.serve_options = ("--role", "radius,enforcement")
        office.serve_options = ("--role", "billing,panel,portal")
        radius.start()
        office.start()
        wait_until(lambda: leads(radius) == [Duty.ENFORCEMENT, Duty.SESSIONS], "the one has the duties of its roles")
        wait_until(lambda: leads(office) == [Duty.BILLING], "and the other of its own")
        assert radius.readyz()["roles"] == ["radius", "enforcement"]
        with NasSocket(radius, "127.0.0.3") as nas:
            assert nas.login("budi") == ACCEPT
            assert nas.account("start") == ACCOUNTING_RESPONSE
        with socket.socket(type=socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", office.auth_port))  # nobody has it
        assert _status(radius, "/") == 404  # its panel's port is for machines only
        assert _status(office, "/signin") == 200
        wait_until(lambda: len(office.json("session", "list")) == 1, "what the one has metered the other shows")
        checks = {check["name"]: check for check in office.json_of("doctor")["checks"]}
        assert checks["node first"]["result"] == checks["node second"]["result"] == "ok"
        assert "roles" not in checks
        assert "radius.auth_port" not in checks  # of the office it is none
        radius.kill()
        wait_until(
            lambda: _missing(office) == "no node has the role radius, enforcement", "doctor says what is missing"
        )


def _missing(node: DaemonProcess) -> str:
    return next((check["detail"] for check in node.json_of("doctor")["checks"] if check["name"] == "roles"), "")


def _status(node: DaemonProcess, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{node.panel_port}{path}", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
