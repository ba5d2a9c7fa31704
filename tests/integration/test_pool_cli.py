"""`netbilld pool` and fixed addresses, as an operator meets them; and a daemon that gives from a pool."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netbilld.radius.attributes import (
    CALLING_STATION_ID,
    DELEGATED_IPV6_PREFIX,
    FRAMED_IP_ADDRESS,
    FRAMED_IPV6_PREFIX,
    FRAMED_POOL,
    REPLY_MESSAGE,
)
from netbilld.radius.packet import Packet, decode
from netbilld.radius.values import ipv6_prefix
from tests import postgres
from tests.daemon_process import DaemonProcess
from tests.migrated import make_data_directory
from tests.nas_socket import ACCOUNTING_RESPONSE, NasSocket
from tests.peers import wait_until
from tests.people_world import PLAN, CommandLine

POOLED = PLAN.format(code="HOME20") + '[address]\npool = "home"\nipv6_pool = "link"\ndelegated_pool = "lan"\n'


@pytest.fixture
def netbilld(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    for name in list(os.environ):
        if name.startswith("NETBILLD_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NETBILLD_DATA_DIR", str(tmp_path / "var"))
    command = CommandLine(tmp_path / "var", capsys)
    make_data_directory(tmp_path / "var")
    assert command("init", "--admin-email", "owner@example.org", "--admin-password", "a long enough pass") == 0
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN.format(code="HOME20"))
    assert command("plan", "add", str(plan)) == 0, command.err
    return command


def test_a_pool_is_added_shown_changed_and_removed(netbilld: CommandLine) -> None:
    assert netbilld("pool", "add", "Home", "10.20.0.0/24", "--exclude", "10.20.0.0-10.20.0.9") == 0
    assert netbilld.out == "pool Home added: 10.20.0.0/24, 246 addresses\n"
    assert netbilld("pool", "add", "lan", "2001:db8::/32", "--kind", "delegated", "--prefix-length", "56") == 0
    (home, lan) = netbilld.json("pool", "list")
    assert home == {
        "name": "Home",
        "kind": "ipv4",
        "network": "10.20.0.0/24",
        "prefix_length": 32,
        "excluded": ["10.20.0.0-10.20.0.9"],
        "size": 246,
        "in_use": 0,
        "held": 0,
        "free": 246,
        "conflicts": 0,
    }
    assert (lan["size"], lan["free"]) == (1 << 24, 1 << 24)
    assert netbilld("pool", "set", "home", "--network", "10.20.0.0/23", "--exclude", "10.20.1.255") == 0
    assert netbilld("pool", "set", "HOME", "--include", "10.20.0.0-10.20.0.9") == 0
    shown = netbilld.json("pool", "show", "home", "--leases")
    assert (shown["network"], shown["excluded"], shown["size"], shown["leases"], shown["conflicts"]) == (
        "10.20.0.0/23",
        ["10.20.1.255"],
        511,
        [],
        [],
    )
    assert netbilld("pool", "list") == 0
    assert "10.20.0.0/23" in netbilld.out
    assert netbilld("pool", "remove", "home") == 0
    assert [pool["name"] for pool in netbilld.json("pool", "list")] == ["lan"]
    assert "no pool has the name 'home'" in netbilld.refused("pool", "show", "home")


def test_only_an_address_that_was_given_is_released(netbilld: CommandLine) -> None:
    assert netbilld("pool", "add", "home", "10.20.0.0/24") == 0
    refusal = netbilld.refused("pool", "release", "home", "10.20.0.9")
    assert "10.20.0.9 of pool 'home' was never given out; `netbilld pool show home --leases`" in refusal
    assert "no pool has the name 'away'" in netbilld.refused("pool", "release", "away", "10.20.0.9")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "other", "10.20.0.128/25"), "pool 'other' (10.20.0.128/25) overlaps pool 'home' (10.20.0.0/24)"),
        (("add", "HOME", "10.30.0.0/24"), "there is a pool 'home' already"),
        (("add", "x", "10.20.1.1/24"), "has host bits set"),
        (("add", "x", "2001:db8::/40", "--kind", "delegated", "--prefix-length", "65"), "40 to 64"),
        (("add", "x", "10.30.0.0/24", "--exclude", "10.31.0.1"), "is not inside 10.30.0.0/24"),
        (("add", "x", "10.30.0.0/31", "--exclude", "10.30.0.0-10.30.0.1"), "gives nothing"),
        (("set", "home", "--include", "10.20.0.7"), "10.20.0.7 is no exclusion of pool home"),
        (("set", "away", "--exclude", "10.20.0.7"), "no pool has the name 'away'"),
    ],
)
def test_a_pool_that_can_not_be_is_refused_in_one_line(
    netbilld: CommandLine, words: tuple[str, ...], said: str
) -> None:
    assert netbilld("pool", "add", "home", "10.20.0.0/24") == 0
    assert said in netbilld.refused("pool", *words)


def test_a_pool_over_a_fixed_address_is_refused_with_both_names_unless_it_leaves_that_out(
    netbilld: CommandLine,
) -> None:
    assert netbilld("subscriber", "add", "budi", "--plan", "HOME20", "--password", "x", "--ip", "10.20.0.7") == 0
    refusal = netbilld.refused("pool", "add", "home", "10.20.0.0/24")
    assert "pool 'home' (10.20.0.0/24) overlaps 10.20.0.7, which is fixed for 'budi'" in refusal
    assert "--exclude 10.20.0.7" in refusal
    assert netbilld("pool", "add", "home", "10.20.0.0/24", "--exclude", "10.20.0.7") == 0


def test_an_address_of_a_pool_is_fixed_for_nobody_unless_it_is_left_out(netbilld: CommandLine) -> None:
    assert netbilld("pool", "add", "home", "10.20.0.0/24") == 0
    assert netbilld("pool", "add", "lan", "2001:db8::/40", "--kind", "delegated") == 0
    add = ("subscriber", "add", "budi", "--plan", "HOME20", "--password", "x")
    assert "10.20.0.7 is in pool 'home' (10.20.0.0/24)" in netbilld.refused(*add, "--ip", "10.20.0.7")
    assert "is in pool 'lan'" in netbilld.refused(*add, "--delegated-prefix", "2001:db8:7::/48")
    assert netbilld("pool", "set", "home", "--exclude", "10.20.0.7") == 0
    assert netbilld(*add, "--ip", "10.20.0.7") == 0, netbilld.err
    assert "in pool 'home'" in netbilld.refused("subscriber", "set", "budi", "--ip", "10.20.0.8")


def test_prefixes_are_checked_and_are_one_services_alone(netbilld: CommandLine, tmp_path: Path) -> None:
    for name in ("budi", "siti"):
        assert netbilld("subscriber", "add", name, "--plan", "HOME20", "--password", "x") == 0
    prefixes = ("--ipv6-prefix", "2001:db8:1::/64", "--delegated-prefix", "2001:db8:2::/56")
    assert netbilld("subscriber", "set", "budi", *prefixes) == 0
    shown = netbilld.json("subscriber", "show", "budi")
    assert (shown["ipv6_prefix"], shown["delegated_prefix"]) == ("2001:db8:1::/64", "2001:db8:2::/56")
    refusal = netbilld.refused("subscriber", "set", "siti", "--delegated-prefix", "2001:db8:2:80::/60")
    assert "2001:db8:2:80::/60 overlaps 2001:db8:2::/56, which is fixed for 'budi'" in refusal
    assert "host bits" in netbilld.refused("subscriber", "set", "siti", "--ipv6-prefix", "2001:db8:9::1/64")
    assert "no IPv6 prefix" in netbilld.refused("subscriber", "set", "siti", "--ipv6-prefix", "10.0.0.0/24")
    own = ("--ipv6-prefix", "2001:db8:9::/64", "--delegated-prefix", "2001:db8:9::/56")
    assert "of the same service" in netbilld.refused("subscriber", "set", "siti", *own)
    rows = tmp_path / "rows.csv"
    rows.write_text(
        "username,password,plan,delegated_prefix\n"
        "agus,x,HOME20,2001:db8:5::/56\n"
        "dewi,x,HOME20,2001:db8:5::/60\n"
        "joko,x,HOME20,2001:db8:2::/64\n"
    )
    netbilld("import", "subscribers", str(rows))
    assert netbilld.json("subscriber", "show", "agus")["delegated_prefix"] == "2001:db8:5::/56"
    assert netbilld("subscriber", "show", "dewi") == 1
    assert netbilld("subscriber", "show", "joko") == 1
    assert netbilld("subscriber", "set", "budi", "--ipv6-prefix", "") == 0
    assert netbilld.json("subscriber", "show", "budi")["ipv6_prefix"] is None


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peer)])
def daemon(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DaemonProcess]:
    url = None
    if request.param == "postgresql":
        cluster: postgres.Cluster = request.getfixturevalue("postgres_cluster")
        url = cluster.new_database()
    with DaemonProcess(tmp_path, url) as process:
        process.init()
        process.plan(POOLED)
        process.nas()
        for name in ("budi", "siti"):
            process.cli("subscriber", "add", name, "--plan", "HOME20", "--password", "rahasia")
        process.start()
        yield process


def login(nas: NasSocket, name: str, mac: str) -> Packet:
    reply = nas.exchange(nas.login_request(name, "rahasia", (CALLING_STATION_ID, mac.encode())))
    assert reply is not None, "no answer"
    return decode(reply)


def ipv4(packet: Packet) -> str | None:
    value = packet.get(FRAMED_IP_ADDRESS)
    return None if value is None else ".".join(map(str, value))


@pytest.mark.slow
def test_a_daemon_gives_addresses_from_a_pool_takes_them_back_and_says_so(daemon: DaemonProcess) -> None:
    mac = "AA:BB:CC:00:00:01"
    with NasSocket(daemon) as nas:
        assert login(nas, "budi", mac).get(FRAMED_POOL) == b"home"  # no pool of ours yet: the NAS has one
        daemon.cli("pool", "add", "link", "2001:db8:1::/48", "--kind", "ipv6_prefix")
        daemon.cli("pool", "add", "lan", "2001:db8:2::/48", "--kind", "delegated", "--prefix-length", "60")
        wait_until(lambda: login(nas, "budi", mac).get(DELEGATED_IPV6_PREFIX) is not None, "the pools are known")
        daemon.cli("pool", "add", "home", "10.20.0.0/31")
        wait_until(lambda: ipv4(login(nas, "budi", mac)) is not None, "the pool of addresses too")
        accept = login(nas, "budi", mac)
        # several processes with one database begin at different places, so any address of the pool may be the first
        given = ipv4(accept) or ""
        (other,) = {"10.20.0.0", "10.20.0.1"} - {given}
        assert accept.get(FRAMED_POOL) is None
        assert str(ipv6_prefix(accept.get(FRAMED_IPV6_PREFIX) or b"")).startswith("2001:db8:1:")
        assert str(ipv6_prefix(accept.get(DELEGATED_IPV6_PREFIX) or b"")).startswith("2001:db8:2:")
        what: dict[str, Any] = {"session_id": "81000001", "user": "budi", "mac": mac, "ip": given}
        assert nas.account("start", **what) == ACCOUNTING_RESPONSE
        wait_until(lambda: usage(daemon, "home") == (1, 0), "the Start makes it an address in use")
        assert ipv4(login(nas, "siti", "AA:BB:CC:00:00:02")) == other
        daemon.cli("pool", "set", "home", "--name", "elsewhere")
        wait_until(lambda: login(nas, "siti", mac).get(FRAMED_POOL) == b"home", "the plan names a pool of the NAS")
        daemon.cli("pool", "set", "elsewhere", "--name", "home")
        wait_until(lambda: ipv4(login(nas, "siti", "AA:BB:CC:00:00:02")) == other, "ours again")
        full = login(nas, "siti", "AA:BB:CC:00:00:03")
        assert (full.code, (full.get(REPLY_MESSAGE) or b"")[:7]) == (3, b"Alamat ")
        (newest, *_) = wait_for_log(daemon, "pool_full")
        assert newest["reason"] == "pool_full"
        assert "of 'budi' is open; end it first" in daemon.run("pool", "release", "home", given).stderr
        daemon.cli("pool", "release", "home", other)
        wait_until(lambda: ipv4(login(nas, "siti", "AA:BB:CC:00:00:03")) == other, "what was released is given again")
        assert nas.account("stop", seconds=9, up=1, down=1, **what) == ACCOUNTING_RESPONSE
        wait_until(lambda: usage(daemon, "home")[0] == 0, "the Stop frees it")
        lease = next(one for one in daemon.json("pool", "show", "home", "--leases")["leases"] if one["state"] == "free")
        assert (lease["address"], lease["username"]) == (given, "budi")
        assert daemon.metrics()['netbilld_addresses_refused_total{reason="pool_full"}'] >= 1


def usage(daemon: DaemonProcess, name: str) -> tuple[int, int]:
    shown = daemon.json("pool", "show", name)
    return shown["in_use"], shown["held"]


def wait_for_log(daemon: DaemonProcess, reason: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    def logged() -> bool:
        found[:] = [one for one in daemon.json("auth", "log") if one["reason"] == reason]
        return bool(found)

    wait_until(logged, f"the log says {reason}")
    return found


@pytest.mark.slow
def test_addresses_given_before_a_kill_are_still_their_sessions_after_it(daemon: DaemonProcess) -> None:
    daemon.cli("pool", "add", "home", "10.20.0.0/30")
    mac = "AA:BB:CC:00:00:01"
    with NasSocket(daemon) as nas:
        wait_until(lambda: ipv4(login(nas, "budi", mac)) is not None, "the pool is known")
        given = ipv4(login(nas, "budi", mac))
        assert nas.account("start", session_id="1", user="budi", mac=mac, ip=given) == ACCOUNTING_RESPONSE
        daemon.kill()
        daemon.start()
        assert ipv4(login(nas, "siti", mac)) not in {given, None}
        assert ipv4(login(nas, "budi", mac)) == given
