"""ocserv with openconnect: what netbilld has metered of a real session is what the server's own interface counted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers import need, wait_until
from tests.vpn_world import TUN_NETMASK, TUN_PREFIX, VpnWorld, radius_client, vpn_world

pytestmark = [pytest.mark.peer, pytest.mark.slow]
PORT = 4443
INTERIM_SECONDS = 2


@pytest.fixture
def world(tmp_path: Path) -> Iterator[VpnWorld]:
    for program in ("ocserv", "openconnect", "iperf3", "ip"):
        need(program)
    with vpn_world(tmp_path, interim_seconds=INTERIM_SECONDS) as world:
        (tmp_path / "ocserv.conf").write_text(
            f'auth = "radius[config={radius_client(world)}]"\nacct = "radius[config={radius_client(world)}]"\n'
            f"listen-host = {world.server}\ntcp-port = {PORT}\nudp-port = {PORT}\nrun-as-user = root\n"
            f"run-as-group = root\nsocket-file = {tmp_path}/ocserv.sock\npid-file = {tmp_path}/ocserv.pid\n"
            f"server-cert = {tmp_path}/server.pem\nserver-key = {tmp_path}/server.key\nisolate-workers = false\n"
            f"max-clients = 4\nmax-same-clients = 2\nkeepalive = 300\ndevice = tun\ndefault-domain = example.net\n"
            f"ipv4-network = {TUN_PREFIX}\nipv4-netmask = {TUN_NETMASK}\nroute = {TUN_PREFIX}/{TUN_NETMASK}\n"
            f"stats-report-time = {INTERIM_SECONDS}\ncookie-timeout = 1\nuse-occtl = false\n"
        )
        with world.running(
            world.office, [need("ocserv"), "-f", "-c", str(tmp_path / "ocserv.conf")], "ocserv.log"
        ) as log:
            wait_until(
                lambda: f":{PORT}" in world.inside(world.office, "ss", "-lnt"), lambda: f"ocserv: {log.read_text()}"
            )
            yield world


def test_what_a_vpn_session_moved_is_metered_to_the_octet(world: VpnWorld) -> None:
    client = [
        need("openconnect"),
        *(f"https://{world.server}:{PORT}", "--user=budi", "--passwd-on-stdin", "--non-inter"),
        *(f"--cafile={world.directory}/ca.pem", "--interface=tun0"),
    ]
    with world.running(world.home, client, "openconnect.log", "rahasia\n") as log:
        wait_until(lambda: TUN_PREFIX[:-1] in world.inside(world.home, "ip", "address"), log.read_text)
        world.move(4_000_000)
        wait_until(lambda: world.sessions()[0]["input_octets"] > 0, "an interim has been metered, the session goes on")
        link = world.link(world.office)
        assert link is not None
        counted = world.counters(link)
    session = world.stopped()
    assert (session["input_octets"], session["output_octets"]) == (counted.upload_octets, counted.download_octets)
    assert min(counted.upload_octets, counted.download_octets) > 1_000_000
    assert session["terminate_cause"] == "User-Request"
    assert world.usage() == counted
