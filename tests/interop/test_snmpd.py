"""snmpd on a router with real traffic on a real cable: what is metered over SNMP is what the kernel counted."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon_process import DaemonProcess
from tests.peers import wait_until
from tests.snmp_world import AUTH_KEY, PRIV_KEY, Router, cable, router

pytestmark = [pytest.mark.peer, pytest.mark.slow]
CACHED_SECONDS = 40  # snmpd looks at its interfaces every 15 seconds


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Router]:
    with router(tmp_path) as made:
        yield made


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[DaemonProcess]:
    with DaemonProcess(tmp_path, NETBILLD_SNMP__INTERVAL="1", NETBILLD_SNMP__TIMEOUT_SECONDS="0.5") as daemon:
        daemon.init()
        daemon.plan()
        daemon.cli("subscriber", "add", "kantor", "--plan", "RUMAH20", "--password", "rahasia")
        yield daemon


def meter(daemon: DaemonProcess) -> dict[str, Any]:
    (found,) = daemon.json("meter", "list")
    assert isinstance(found, dict)
    return found


def metered(daemon: DaemonProcess) -> tuple[int, int]:
    found = meter(daemon)
    return found["upload_octets"], found["download_octets"]


def follow(daemon: DaemonProcess, world: Router, begun: tuple[int, int]) -> None:
    """Wait until the meter has what the kernel has counted since `begun`."""

    def due() -> tuple[int, int]:
        into, out = world.counters()
        return into - begun[0], out - begun[1]

    def said() -> str:
        return f"{metered(daemon)} is not {due()}: {daemon.json('nas', 'show', 'pop1')['device']}"

    wait_until(lambda: metered(daemon) == due(), said, CACHED_SECONDS)


def test_octets_metered_over_snmp_are_the_kernels(daemon: DaemonProcess, world: Router) -> None:
    """Issue 4, bar: real agent; v3 authPriv; a restart of the agent and of ours; another number; usage and quota."""
    world.start_agent()
    daemon.nas("pop1", f"{world.address}/32")
    daemon.cli(
        *("nas", "set", "pop1", "--snmp-user", "netbilld", "--snmp-auth-key", AUTH_KEY, "--snmp-priv-key", PRIV_KEY)
    )
    begun = world.counters()
    daemon.cli("meter", "add", "kantor", "--nas", "pop1", "--interface", "ether5")
    daemon.start()
    wait_until(lambda: meter(daemon)["state"] != "waiting", "a first reading")
    world.move(3_000_000, 11_000_000)
    follow(daemon, world, begun)

    world.stop_agent()
    world.move(1_000_000, 2_000_000)
    wait_until(
        lambda: "no answer" in str(daemon.json("nas", "show", "pop1")["device"]["trouble"]), "the silence is shown"
    )
    world.start_agent()
    world.move(500_000, 700_000)
    follow(daemon, world, begun)  # the agent has begun again, the kernel's counters have not

    daemon.terminate()
    world.move(400_000, 300_000)
    daemon.start()
    follow(daemon, world, begun)

    up, down = metered(daemon)
    cable(world)  # counters from zero, under another number
    world.move(100_000, 200_000)
    follow(daemon, world, (-up, -down))

    usage = daemon.json("usage", "show", "kantor")
    assert (usage["upload_octets"], usage["download_octets"]) == metered(daemon)
    device = daemon.json("nas", "show", "pop1")["device"]
    assert device["name"] == "gerbang"
    assert device["trouble"] is None
    assert device["uptime_seconds"] > 0
    assert device["memory_octets"] > device["memory_used_octets"] > 0


def test_what_a_wrong_key_or_a_dead_agent_is_said_to_be(daemon: DaemonProcess, world: Router) -> None:
    world.start_agent()
    daemon.nas("pop1", f"{world.address}/32")
    daemon.cli(
        "nas", "set", "pop1", "--snmp-user", "netbilld", "--snmp-auth-key", "salah-semua", "--snmp-priv-key", PRIV_KEY
    )
    daemon.start()

    def trouble() -> str:
        return str((daemon.json("nas", "show", "pop1")["device"] or {}).get("trouble"))

    wait_until(lambda: "refuses us" in trouble(), trouble)
    daemon.cli("nas", "set", "pop1", "--snmp-user", "", "--snmp-community", "salah")
    wait_until(lambda: "another community (v2c doesn't tell which)" in trouble(), trouble)
    daemon.cli("nas", "set", "pop1", "--snmp-community", "publik")
    wait_until(lambda: trouble() == "None", trouble)
