"""`doctor nas` names the fault of each router and the line that mends it, none of a healthy one, and what it can't know.

Real daemon, real packets, and routers that were set up by typing what `nas script` printed.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.daemon_process import SECRET
from tests.doctor_world import API_PASSWORD, COMMUNITY, WAIT_SECONDS, DoctorWorld, Pop
from tests.http_form import Visitor
from tests.peers import free_udp_port, wait_until

FAULTS = {
    # the NAS: the check that fails, the cause, a piece of a line that mends it
    "wrong-secret": ("secret", "secret_wrong", "--secret-stdin"),
    "wrong-source": ("source_address", "source_address_wrong", "src-address="),
    "clock-off": ("clock", "clock_off", "/system ntp client set enabled=yes"),
    "interim-missing": ("interim", "interim_missing", "/ppp aaa set accounting=yes interim-update="),
    "interim-late": ("interim", "interim_late", "interim-update="),
    "orders-off": ("orders", "orders_off", "/radius incoming set accept=yes"),
    "orders-port": ("orders", "orders_port", "--coa-port"),
    "orders-secret": ("orders", "orders_secret", "--secret-stdin"),
    "orders-unheard": ("orders", "orders_filtered", "/ip firewall filter add chain=input action=accept"),
    "rights": ("api_rights", "rights_missing", "/user group set [/user group find where name=netbilld] policy="),
    "snmp-silent": ("snmp", "snmp_silent", "/snmp set enabled=yes"),
    "unsigned": ("message_authenticator", "signature_missing", "require-message-auth=yes-for-request-resp"),
    "swapped": ("direction", "counters_swapped", "--swap-octets"),
    "no-pool": ("pool", "pool_missing", "/ip pool add name=isolir"),
    "no-list": ("list", "list_unused", "netbilld nas script no-list"),
    "fasttrack": ("fasttrack", "fasttrack_on", "netbilld nas script fasttrack"),
    "accounting-off": ("interim", "accounting_off", "/ppp aaa set accounting=yes"),
    "radius-unused": ("radius", "radius_unused", "/ppp aaa set use-radius=yes"),
}
# what one fault brings with it
BROUGHT = {
    "wrong-secret": {"orders", "source_address"},
    "wrong-source": {"orders"},
}
UNKNOWN_WITHOUT = {"api", "api_rights", "snmp", "clock", "radius", "pool", "list", "fasttrack", "masquerade"}


def spoil(world: DoctorWorld, pops: dict[str, Pop]) -> None:
    """Bring in what can be before anybody dials in."""
    world.type(pops["wrong-secret"], "/radius set [/radius find] secret=another-secret-altogether timeout=100ms")
    strange = pops["wrong-source"].host.rpartition(".")[0] + ".251"
    world.type(pops["wrong-source"], f"/radius set [/radius find] src-address={strange} timeout=100ms")
    pops["clock-off"].set_clock(-7200)
    pops["interim-missing"].reports = False
    pops["interim-late"].reports_every = WAIT_SECONDS
    world.type(pops["orders-off"], "/radius incoming set accept=no")
    world.type(pops["orders-port"], f"/radius incoming set port={free_udp_port()}")
    pops["orders-secret"].side.orders.manners.answer = "wrong_secret"
    pops["orders-unheard"].hear_no_orders()
    world.type(pops["rights"], "/user group set [/user group find where name=netbilld] policy=read,api")
    world.daemon.cli("nas", "set", "snmp-silent", "--snmp-community", "another")
    world.type(pops["no-pool"], "/ip pool remove [/ip pool find where name=isolir]")
    walled = '/ip firewall filter remove [/ip firewall filter find where comment="netbilld: walled"]'
    world.type(pops["no-list"], walled)
    excepted = '/ip firewall filter remove [/ip firewall filter find where comment~"not fasttracked"]'
    world.type(pops["fasttrack"], excepted)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DoctorWorld]:
    with DoctorWorld(tmp_path_factory.mktemp("doctor")) as made:
        pops = made.add(*FAULTS, "healthy", bare=("bare",))
        spoil(made, pops)
        swapped = pops["swapped"]
        made.daemon.start()
        made.wait(swapped.dial_all(down_bps=500_000, up_bps=10_000_000))
        made.wait(pops["unsigned"].dial_all())
        made.live()
        made.type(pops["unsigned"], "/radius set [/radius find] require-message-auth=no")
        made.wait(_dial_once_more(pops["unsigned"]))
        made.type(pops["accounting-off"], "/ppp aaa set accounting=no")
        made.type(pops["radius-unused"], "/ppp aaa set use-radius=no")
        wait_until(lambda: made.examine("healthy")["direction"]["result"] == "ok", "what was reported is metered")
        yield made


def settled(world: DoctorWorld, name: str, causes: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return the findings about a NAS once these causes are named, and nothing else is wrong but what they bring.

    A router's last word may still be on its way into the database when it is examined; on a busy machine for long.
    """
    found: dict[str, dict[str, Any]] = {}

    def is_so() -> bool:
        world.tell()
        found.update(world.examine(name))
        wrong = {check for check, finding in found.items() if finding["result"] in {"fail", "warn"}}
        named = all(found[check]["cause"] == cause for check, cause in causes.items())
        return named and wrong <= causes.keys() | BROUGHT.get(name, set())

    wait_until(is_so, lambda: f"{name}: {[(one, told['cause'], told['result']) for one, told in found.items()]}", 40)
    return found


async def _dial_once_more(pop: Pop) -> None:
    pop.side.router.store["/radius"].items[0].values["timeout"] = "100ms"
    line = pop.side.lines[0]
    await pop.side.hang_up(line)
    with pytest.raises(Exception, match="does not answer"):
        await pop.side.dial(line.name)


@pytest.mark.parametrize("name", FAULTS)
def test_the_fault_is_named_with_the_line_that_mends_it(world: DoctorWorld, name: str) -> None:
    check, cause, mend = FAULTS[name]
    found = settled(world, name, {check: cause})
    assert found[check]["result"] == "fail"
    assert any(mend in line for line in found[check]["mend"]), found[check]


def test_a_healthy_nas_has_no_fault_and_nothing_about_it_is_unknown(world: DoctorWorld) -> None:
    found = settled(world, "healthy", {})
    assert {name: (one["result"], one["cause"]) for name, one in found.items() if one["result"] != "ok"} == {}
    assert world.daemon.run("doctor", "nas", "healthy").returncode == 0


def test_without_api_and_snmp_it_is_unknown_and_never_fine(world: DoctorWorld) -> None:
    found = settled(world, "bare", {})
    assert {name for name, one in found.items() if one["result"] == "unknown"} == UNKNOWN_WITHOUT
    assert {name for name, one in found.items() if one["result"] == "ok"} == set(found) - UNKNOWN_WITHOUT
    assert any("--api-url" in line for line in found["api"]["mend"])


def test_a_fault_makes_the_command_fail_and_is_told_for_people(world: DoctorWorld) -> None:
    done = world.daemon.run("doctor", "nas", "orders-off")
    assert done.returncode == 1
    assert "fail    orders" in done.stdout
    assert "→ /radius incoming set accept=yes port=" in done.stdout


def test_no_secret_is_ever_told(world: DoctorWorld) -> None:
    for name in ("healthy", "wrong-secret", "rights"):
        for options in ((), ("--json",)):
            done = world.daemon.run("doctor", "nas", name, *options)
            said = done.stdout + done.stderr
            assert not any(secret in said for secret in (SECRET, API_PASSWORD, COMMUNITY))


def test_a_nas_that_nobody_knows_is_refused_in_one_line(world: DoctorWorld) -> None:
    done = world.daemon.run("doctor", "nas", "nowhere")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "nowhere" in done.stderr


def test_typing_the_script_again_mends_a_router_that_somebody_has_changed(world: DoctorWorld) -> None:
    pop: Any = world.pops["no-list"]
    script = world.daemon.cli("nas", "script", "no-list", "--with-secrets")
    world.type(pop, script)
    assert world.examine("no-list")["list"]["result"] == "ok"


def test_the_running_daemon_examines_at_the_press_of_a_button_and_finds_the_same(world: DoctorWorld) -> None:
    visitor = Visitor(f"http://127.0.0.1:{world.daemon.panel_port}")
    visitor.sign_in("admin@example.net", "a long enough password")
    page = "/nas/orders-off/doctor"

    def is_found() -> bool:
        return "RADIUS incoming dimatikan" in visitor.get(page)

    visitor.press(page, page)
    wait_until(is_found, lambda: visitor.get(page)[-2000:], 40)
    shown = visitor.get(page)
    assert "/radius incoming set accept=yes port=" in shown
    assert "RouterOS 7.16.2" in shown  # over the connection that the daemon has
    assert not any(secret in shown for secret in (SECRET, API_PASSWORD, COMMUNITY))
