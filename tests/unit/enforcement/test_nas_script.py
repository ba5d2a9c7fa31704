"""The script for a NAS says what has to be set, keeps secrets to itself unless asked, and can be typed."""

import re
from dataclasses import replace
from itertools import pairwise

import pytest

from netbilld.enforcement.nas_script import has_lines, script
from netbilld.enforcement.nas_script.facts import ScriptFacts
from netbilld.enforcement.nas_script.routeros_words import quoted
from netbilld.enforcement.vendors import VENDORS
from netbilld.enforcement.vendors.interface import Wall
from netbilld.model.snmp import SnmpUser

FACTS = ScriptFacts(
    nas="pop1",
    vendor="mikrotik",
    server="192.0.2.10",
    source="192.0.2.1",
    secret="rahasia-radius",
    subscribers=("100.64.0.0/10",),
    portal_host="portal.isp.example",
    capport_url="https://portal.isp.example/capport",
    api_password="rahasia-api",
    has_api=True,
    snmp_community="rahasia-snmp",
    has_snmp=True,
)
SECRETS = ("rahasia-radius", "rahasia-api", "rahasia-snmp")


def commands(facts: ScriptFacts) -> list[str]:
    return [line for line in script(facts) if line and not line.startswith("#")]


def test_every_command_has_a_reason_before_it_and_stands_on_one_line() -> None:
    lines = script(FACTS)
    assert lines[0].startswith("#")
    for before, line in pairwise(lines):
        if line and not line.startswith("#"):
            assert before, f"nothing says why: {line}"
            assert "\n" not in line
    sections = "\n".join(lines).split("\n\n")
    assert all(section.startswith("#") for section in sections)


def test_secrets_are_in_it_only_where_they_are_to_be_shown() -> None:
    shown = "\n".join(script(FACTS))
    assert all(secret in shown for secret in SECRETS)
    hidden = replace(FACTS, secret=None, api_password=None, snmp_community=None)
    text = "\n".join(script(hidden))
    assert "rahasia" not in text
    for line in commands(hidden):  # nobody pastes a placeholder that then is the secret
        assert "…" not in line
        assert "secret=" not in line
        assert "password=" not in line
    assert "--with-secrets" in text


def test_routeros_6_has_a_time_client_of_its_own_and_no_signatures() -> None:
    old, new = "\n".join(script(replace(FACTS, routeros=6))), "\n".join(script(FACTS))
    assert "/system ntp client set enabled=yes server-dns-names=id.pool.ntp.org" in old
    assert "require-message-auth" not in old
    assert "/system ntp client servers add address=id.pool.ntp.org" in new
    assert "require-message-auth=yes-for-request-resp" in new


def test_captive_portals_are_told_of_by_dhcp_for_both_families_once_the_portal_has_https() -> None:
    text = "\n".join(commands(FACTS))
    assert """code=114 value="'https://portal.isp.example/capport'\"""" in text
    assert "/ipv6 dhcp-server option add name=netbilld-portal code=103" in text
    without = replace(FACTS, capport_url=None)
    assert not any("code=114" in line for line in commands(without))
    assert any("portal.public_url" in line for line in script(without))


def test_walls_are_built_as_the_nas_is_set_to_hold_people() -> None:
    both = "\n".join(commands(FACTS))
    assert "/ip pool add name=isolir ranges=100.127.0.2-100.127.255.254" in both
    assert "action=jump jump-target=netbilld-walled src-address-list=isolir" in both
    pool_only = "\n".join(commands(replace(FACTS, wall=Wall.POOL)))
    assert "jump-target=netbilld-walled src-address=100.127.0.0/16" in pool_only
    assert "src-address-list=isolir" not in pool_only
    refused = "\n".join(commands(replace(FACTS, wall=Wall.REJECT)))
    assert "isolir" not in refused
    assert "netbilld-walled" not in refused


def test_ipv6_is_filtered_only_where_walled_subscribers_keep_it() -> None:
    assert not any("/ipv6 firewall" in line for line in commands(FACTS))
    assert any(
        line.startswith(":if") and "/ipv6 firewall filter add chain=forward" in line
        for line in commands(replace(FACTS, covers_ipv6=True))
    )


def test_dhcp_servers_are_changed_only_when_asked_for() -> None:
    assert not any("dhcp-server set" in line and "use-radius" in line for line in commands(FACTS))
    asked = commands(replace(FACTS, services=("ppp", "dhcp")))
    assert "/ip dhcp-server set [/ip dhcp-server find] use-radius=yes" in asked
    assert not any("/ip hotspot profile" in line for line in asked)


def test_a_user_of_somebody_else_is_left_as_it_is() -> None:
    text = commands(replace(FACTS, api_user="admin"))
    assert not any(line.startswith("/user set") or "/user add" in line for line in text)


def test_an_snmp_user_is_made_with_its_keys_as_far_as_routeros_knows_them() -> None:
    user = SnmpUser("netbilld", "sha", "kunci-satu", "aes", "kunci-dua")
    text = "\n".join(commands(replace(FACTS, snmp_user=user, snmp_community=None)))
    assert "security=private authentication-protocol=SHA1 authentication-password=kunci-satu" in text
    assert "encryption-protocol=AES encryption-password=kunci-dua" in text
    newer = script(replace(FACTS, snmp_user=replace(user, auth_protocol="sha512")))
    assert any("MD5 or SHA1" in line for line in newer if line.startswith("#"))


def test_what_is_a_command_to_the_console_arrives_as_text() -> None:
    assert quoted('a"b\\c$d?e') == '"a\\"b\\\\c\\$d\\?e"'
    assert quoted("kopi☕\n") == '"kopi\\E2\\98\\95\\0A"'
    line = next(line for line in commands(replace(FACTS, secret="a b$c")) if "secret=" in line)
    assert line.endswith('secret="a b\\$c"')


@pytest.mark.parametrize("vendor", sorted(VENDORS))
def test_every_vendor_is_told_where_we_are_and_how_it_is_known(vendor: str) -> None:
    text = "\n".join(script(replace(FACTS, vendor=vendor)))
    assert "192.0.2.10" in text
    assert "192.0.2.1" in text
    assert "1812" in text
    assert "1813" in text
    assert "rahasia-radius" in text
    hidden = "\n".join(script(replace(FACTS, vendor=vendor, secret=None, api_password=None, snmp_community=None)))
    assert "rahasia" not in hidden
    if not has_lines(vendor):
        assert all(line.startswith("#") for line in text.splitlines())


def test_accel_ppp_and_coovachilli_take_orders_and_report_as_often_as_they_are_asked_to() -> None:
    accel = "\n".join(script(replace(FACTS, vendor="accel-ppp")))
    assert "dae-server=192.0.2.1:3799,rahasia-radius" in accel
    assert "acct-interim-interval=300" in accel
    assert "100.127.0.0/16,name=isolir" in accel
    chilli = script(replace(FACTS, vendor="coovachilli"))
    assert "coaport 3799" in chilli
    assert "definteriminterval 300" in chilli
    assert not any(re.match(r"swapoctets", line) for line in chilli)
