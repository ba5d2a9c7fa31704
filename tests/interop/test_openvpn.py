"""openvpn with its RADIUS plug-in: a real session, metered within a hundred octets of what the server itself says."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon_process import SECRET
from tests.peers import missing, need, wait_until
from tests.vpn_world import ACCT_PORT, AUTH_PORT, TUN_NETMASK, TUN_PREFIX, VpnWorld, vpn_world

pytestmark = [pytest.mark.peer, pytest.mark.slow]
PLUGIN = Path("/usr/lib/openvpn/radiusplugin.so")
PORT = 1194
INTERIM_SECONDS = 2
NEAR_OCTETS = 100  # the plug-in reads a status file that is a second old


@pytest.fixture
def world(tmp_path: Path) -> Iterator[VpnWorld]:
    for program in ("openvpn", "iperf3", "ip"):
        need(program)
    if not PLUGIN.exists():
        missing("openvpn-auth-radius")
    with vpn_world(tmp_path, interim_seconds=INTERIM_SECONDS) as world:
        (tmp_path / "clients").mkdir()
        server, plugin, over = tmp_path / "openvpn.conf", tmp_path / "plugin.conf", tmp_path / "over.sh"
        over.write_text(f'#!/bin/sh\necho "$bytes_received $bytes_sent" >{tmp_path}/last-word\n')
        over.chmod(0o755)
        server.write_text(
            f"local {world.server}\nport {PORT}\nproto udp4\ndev tun0\ntopology subnet\n"
            f"server {TUN_PREFIX} {TUN_NETMASK}\nca {tmp_path}/ca.pem\ncert {tmp_path}/server.pem\n"
            f"key {tmp_path}/server.key\ndh none\nverify-client-cert none\nusername-as-common-name\ndisable-dco\n"
            f"client-config-dir {tmp_path}/clients\nstatus {tmp_path}/status 1\nstatus-version 1\n"
            f"script-security 2\nclient-disconnect {over}\nverb 3\nplugin {PLUGIN} {plugin}\n"
        )
        plugin.write_text(
            "NAS-Identifier=office\nService-Type=5\nFramed-Protocol=1\nNAS-Port-Type=5\n"
            f"NAS-IP-Address={world.office_address}\nOpenVPNConfig={server}\nsubnet={TUN_NETMASK}\n"
            f"overwriteccfiles=true\nserver\n{{\nacctport={ACCT_PORT}\n"
            f"authport={AUTH_PORT}\nname={world.radius}\nretry=2\nwait=3\nsharedsecret={SECRET}\n}}\n"
        )
        with world.running(world.office, [need("openvpn"), "--config", str(server)], "openvpn.log") as log:
            wait_until(lambda: "Initialization Sequence Completed" in log.read_text(), log.read_text)
            yield world


def test_what_a_vpn_session_moved_is_metered_as_the_server_says(world: VpnWorld) -> None:
    login = world.directory / "login"
    login.write_text("budi\nrahasia\n")
    login.chmod(0o600)
    client = [
        *(need("openvpn"), "--client", "--dev", "tun0", "--proto", "udp4", "--remote", str(world.server), str(PORT)),
        *("--ca", f"{world.directory}/ca.pem", "--auth-user-pass", str(login), "--nobind", "--disable-dco"),
        *("--explicit-exit-notify", "1", "--verb", "3"),
    ]
    with world.running(world.home, client, "client.log") as log:
        wait_until(
            lambda: "Initialization Sequence Completed" in log.read_text(),
            lambda: log.read_text() + (world.directory / "openvpn.log").read_text(),
        )
        world.move(4_000_000)
        wait_until(lambda: world.sessions()[0]["input_octets"] > 0, "an interim has been metered, the session goes on")
    session = world.stopped()
    received, sent = map(int, (world.directory / "last-word").read_text().split())
    assert abs(session["input_octets"] - received) <= NEAR_OCTETS
    assert abs(session["output_octets"] - sent) <= NEAR_OCTETS
    assert min(received, sent) > 1_000_000
