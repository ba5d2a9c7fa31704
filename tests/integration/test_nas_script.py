"""The script for a NAS, typed into the console of a router: it is understood, does what it says, and may be repeated."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netbilld.enforcement.nas_script import script
from netbilld.enforcement.nas_script.facts import ScriptFacts
from netbilld.enforcement.nas_script.routeros_words import quoted
from netbilld.enforcement.vendors.interface import Wall
from tests.routeros.fake_router import VERSION, VERSION_6, FakeRouter
from tests.routeros.terminal import Terminal

FACTS = ScriptFacts(
    nas="pop1",
    vendor="mikrotik",
    server="192.0.2.10",
    source="192.0.2.1",
    secret='r"ahasia$ \\ ?',
    services=("ppp", "hotspot", "dhcp"),
    subscribers=("100.64.0.0/10",),
    portal_host="portal.isp.example",
    capport_url="https://portal.isp.example/capport",
    api_password="rahasia-api",
    has_api=True,
    snmp_community="rahasia-snmp",
    has_snmp=True,
    covers_ipv6=True,
    allowed=("*.bayar.example",),
)
IN_USE = """
/ip firewall filter add chain=input action=accept connection-state=established,related
/ip firewall filter add chain=input action=drop
/ip firewall filter add chain=forward action=fasttrack-connection connection-state=established,related
/ip firewall filter add chain=forward action=accept connection-state=established,related
/ip firewall filter add chain=forward action=drop connection-state=invalid
/ip firewall nat add chain=srcnat action=masquerade out-interface=ether1
/ip dhcp-server network add address=10.5.50.0/24 gateway=10.5.50.1
/ip dhcp-server network add address=10.9.9.0/24 dhcp-option=own
"""


def typed(router: FakeRouter, facts: ScriptFacts) -> None:
    Terminal(router.store).feed("\n".join(script(facts)))


def everything(router: FakeRouter) -> dict[str, list[dict[str, str]]]:
    return {path: router.rows(path) for path in router.store.tables}


@pytest.mark.parametrize("wall", [Wall.REJECT, Wall.POOL, Wall.LIST])
def test_with_static_subscribers_who_is_blocked_gets_nothing_and_walls_hold_for_lines(wall: Wall) -> None:
    router = FakeRouter()
    Terminal(router.store).feed(IN_USE)
    facts = replace(FACTS, has_lines=True, wall=wall, hotspot_wall=Wall.REJECT)
    typed(router, facts)
    once = everything(router)
    typed(router, facts)
    assert everything(router) == once
    for menu in ("/ip/firewall/filter", "/ipv6/firewall/filter"):
        blocked = [row for row in router.rows(menu) if row.get("comment", "").startswith("netbilld: blocked")]
        assert [(row["chain"], row["action"]) for row in blocked] == [("forward", "drop")] * 2
        assert {row.get("src-address-list", row.get("dst-address-list")) for row in blocked} == {"blocked"}
    walled = [row for row in router.rows("/ip/firewall/filter") if row.get("jump-target") == "netbilld-walled"]
    assert [row.get("src-address-list") for row in walled].count("isolir") == 1
    assert len(walled) == (2 if wall is Wall.POOL else 1)
    refuses = [row for row in router.rows("/ip/firewall/filter") if row["chain"] == "netbilld-walled"]
    assert refuses[-1]["action"] == "reject"


@pytest.mark.parametrize(("version", "major"), [(VERSION, 7), (VERSION_6, 6)])
def test_it_is_understood_and_typed_again_it_changes_nothing(version: str, major: int) -> None:
    router = FakeRouter(version=version)
    Terminal(router.store).feed(IN_USE)
    facts = replace(FACTS, routeros=6 if major == 6 else 7)
    typed(router, facts)
    once = everything(router)
    typed(router, facts)
    assert everything(router) == once


def test_what_is_set_is_what_it_says() -> None:
    router = FakeRouter()
    Terminal(router.store).feed(IN_USE)
    router.store["/radius/incoming"].only.values["accept"] = "false"
    typed(router, FACTS)
    (entry,) = router.rows("/radius")
    assert (entry["address"], entry["src-address"]) == ("192.0.2.10", "192.0.2.1")
    assert set(entry["service"].split(",")) == {"ppp", "hotspot", "dhcp"}
    assert entry["secret"] == FACTS.secret
    assert router.rows("/radius/incoming")[0]["accept"] == "true"
    assert router.rows("/ppp/aaa")[0]["use-radius"] == "true"
    assert router.rows("/user", name="netbilld")[0]["group"] == "netbilld"
    policies = router.rows("/user/group", name="netbilld")[0]["policy"].split(",")
    assert {word for word in policies if not word.startswith("!")} == {"read", "write", "api"}
    networks = {row["address"]: row.get("dhcp-option") for row in router.rows("/ip/dhcp-server/network")}
    assert networks == {"10.5.50.0/24": "netbilld-portal", "10.9.9.0/24": "own"}  # what is there stays


def test_who_is_walled_is_held_before_anything_else_lets_him_through() -> None:
    router = FakeRouter()
    Terminal(router.store).feed(IN_USE)
    typed(router, FACTS)
    forward = [(row["action"], row.get("comment", "")) for row in router.rows("/ip/firewall/filter", chain="forward")]
    assert forward[0] == ("jump", "netbilld: walled")
    tracked = next(at for at, (action, _) in enumerate(forward) if action == "fasttrack-connection")
    excepted = [comment for action, comment in forward[:tracked] if action == "accept"]
    assert sorted(excepted) == [
        f"netbilld: not fasttracked {way}" for way in ("from PPP", "from subscribers", "to PPP", "to subscribers")
    ]
    chain = [row["action"] for row in router.rows("/ip/firewall/filter", chain="netbilld-walled")]
    assert chain == ["accept", "accept", "accept", "reject", "reject"]
    nat = [(row["chain"], row["action"]) for row in router.rows("/ip/firewall/nat")]
    assert nat.index(("srcnat", "accept")) < nat.index(("srcnat", "masquerade"))
    first_input = router.rows("/ip/firewall/filter", chain="input")[0]
    assert first_input["comment"].startswith("netbilld: ")


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40))
def test_any_text_arrives_as_it_is(text: str) -> None:
    router = FakeRouter()
    Terminal(router.store).feed(f"/system identity set name={quoted(text)}")
    octets = router.rows("/system/identity")[0]["name"].encode("latin-1")  # one letter for each octet escaped
    assert octets.decode() == text
