"""The commands of routers and staff, and what is said of words nobody understands."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from netbilld.adapters.database.engine import Database, sqlite_url
from netbilld.model.passkey import Passkey
from tests.people_world import SECRET, CommandLine


def test_a_nas_is_added_shown_changed_and_removed(netbilld: CommandLine) -> None:
    words = ("nas", "add", "Gate", "10.0.0.9/24", "--secret", SECRET, "--portal-source", "10.5.50.0/24")
    assert netbilld(*words, "--portal-source", "10.5.60.0/24", "--api-url", "https://a:hunter2@10.0.0.1") == 0, (
        netbilld.err
    )
    shown = netbilld.json("nas", "show", "gate")
    assert shown["address"] == "10.0.0.0/24"
    assert (shown["vendor"], shown["coa_port"], shown["require_message_authenticator"]) == ("mikrotik", 3799, "auto")
    assert shown["portal_sources"] == ["10.5.50.0/24", "10.5.60.0/24"]
    assert netbilld("nas", "show", "Gate") == 0
    assert netbilld("nas", "list", "--json") == 0
    for secret in (SECRET, "hunter2"):
        assert secret not in netbilld.out + json.dumps(shown)
    assert (
        netbilld("nas", "set", "Gate", "--no-portal-source", "--swap-octets", "--require-message-authenticator", "true")
        == 0
    )
    shown = netbilld.json("nas", "show", "Gate")
    assert (shown["portal_sources"], shown["swap_octets"], shown["require_message_authenticator"]) == ([], True, "true")
    assert netbilld("nas", "set", "Gate", "--forget-message-authenticator") == 0
    assert netbilld("nas", "remove", "Gate") == 0
    assert netbilld.json("nas", "list") == []
    assert "no NAS has the name" in netbilld.refused("nas", "show", "Gate")


def test_a_secret_comes_by_standard_input_and_a_short_one_is_warned_of(
    netbilld: CommandLine, type_in: Callable[[str], None]
) -> None:
    type_in("tiny\n")
    assert netbilld("nas", "add", "R1", "10.0.0.1", "--secret-stdin") == 0
    assert "warning" in netbilld.err
    assert "tiny" not in netbilld.err + netbilld.out
    type_in("")
    assert "standard input was empty" in netbilld.refused("nas", "add", "R2", "10.0.0.2", "--secret-stdin")
    assert "needs a secret" in netbilld.refused("nas", "add", "R2", "10.0.0.2")


@pytest.mark.parametrize(
    "words",
    [
        ("nas",),
        ("nas", "add", "R1"),
        ("nas", "add", "R1", "10.0.0.1", "--coa-port", "x"),
        ("subscriber", "add", "budi", "--password", "x"),
        ("subscriber", "add", "budi", "--plan", "P", "--password", "x", "--password-stdin"),
        ("session", "disconnect", "x"),
        ("usage", "show", "budi", "--by", "week"),
        ("staff", "add", "a@b.org"),
        ("import", "plans", "x.csv"),
    ],
)
def test_wrong_usage_exits_2_with_one_line(netbilld: CommandLine, words: tuple[str, ...]) -> None:
    assert netbilld(*words) == 2
    assert len(netbilld.err.splitlines()) == 1


def test_staff_are_added_listed_and_changed(netbilld: CommandLine, type_in: Callable[[str], None]) -> None:
    """BANG-2.7d, BANG-2.7e."""
    assert netbilld("staff", "add", "siti@example.org", "--role", "technical") == 0
    assert "one-time password" in netbilld.out
    listed = {member["email"]: member for member in netbilld.json("staff", "list")}
    assert (listed["siti@example.org"]["role"], listed["siti@example.org"]["must_change_password"]) == (
        "technical",
        True,
    )
    assert listed["owner@example.org"]["must_change_password"] is False
    assert "password" not in json.dumps(listed).replace("must_change_password", "")
    type_in("another long pass\n")
    assert netbilld("staff", "set", "siti@example.org", "--password-stdin", "--role", "admin") == 0
    assert netbilld("staff", "set", "owner@example.org", "--deactivate") == 0
    assert "last active admin" in netbilld.refused("staff", "set", "siti@example.org", "--role", "cashier")
    assert "allowed: admin, technical" in netbilld.refused("staff", "set", "siti@example.org", "--role", "boss")
    assert "10 characters" in netbilld.refused(
        "staff", "add", "x@example.org", "--role", "cashier", "--password", "short"
    )


def test_staff_are_limited_to_areas_and_reached_by_telephone(netbilld: CommandLine) -> None:
    words = ("--role", "collector", "--area", "jabar/bandung", "--area", "DIY", "--phone", "0812-3456-7890")
    assert netbilld("staff", "add", "budi@example.org", *words) == 0, netbilld.err
    assert "one-time password" in netbilld.out

    def budi() -> dict[str, object]:
        return next(one for one in netbilld.json("staff", "list") if one["email"] == "budi@example.org")

    assert (budi()["areas"], budi()["phone"], budi()["second_factor_since"]) == (
        ["jabar/bandung", "DIY"],
        "+6281234567890",
        None,
    )
    assert netbilld("staff", "list") == 0
    assert "jabar/bandung, DIY" in netbilld.out
    assert "main admin" in netbilld.refused("staff", "set", "budi@example.org", "--role", "admin")
    assert "no area" in netbilld.refused("staff", "set", "budi@example.org", "--area", " / ")
    assert budi()["areas"] == ["jabar/bandung", "DIY"]
    assert netbilld("staff", "set", "budi@example.org", "--everywhere", "--phone", "") == 0
    assert "areas, phone changed" in netbilld.out
    assert (budi()["areas"], budi()["phone"]) == ([], None)
    assert netbilld("staff", "set", "budi@example.org", "--remove-second-factor") == 0
    assert "nothing to change" in netbilld.out


def test_passkeys_are_taken_from_who_lost_them(netbilld: CommandLine) -> None:
    async def give() -> None:
        database = Database(sqlite_url(netbilld.directory / "netbilld.db"))
        async with database.write() as work:
            member = await work.staff.by_email("owner@example.org")
            assert member is not None
            key = Passkey(uuid4(), member.id, "localhost", b"key", b"cose", 0, "HP", datetime(2026, 1, 1, tzinfo=UTC))
            await work.passkeys.add(key)
        await database.close()

    def since() -> object:
        return netbilld.json("staff", "list")[0]["passkey_since"]

    for option in ("--remove-passkeys", "--remove-second-factor"):
        asyncio.run(give())
        assert since() is not None
        assert netbilld("staff", "set", "owner@example.org", option) == 0
        assert "passkeys changed" in netbilld.out
        assert since() is None
        assert netbilld("staff", "set", "owner@example.org", option) == 0
        assert "nothing to change" in netbilld.out


def test_what_each_role_may_is_told(netbilld: CommandLine) -> None:
    """BANG-2.7e: the presets."""
    roles = netbilld.json("staff", "roles")
    assert {"admin", "technical", "accounting", "cashier"} <= roles.keys()
    assert "view_money" not in roles["technical"]
    assert not {"view_network", "edit_network"} & set(roles["accounting"])


def test_snmp_is_set_without_showing_its_keys_and_lines_are_metered_by_ports(netbilld: CommandLine) -> None:
    """Issue 4: v2c and v3; which service is metered by which port."""
    assert netbilld("nas", "add", "pop1", "10.0.0.1", "--secret", SECRET, "--snmp-community", "rahasia-snmp") == 0
    assert netbilld.json("nas", "show", "pop1")["snmp_version"] == "2c"
    keys = ("--snmp-auth-key", "kunci-otentikasi", "--snmp-priv-key", "kunci-privasi")
    assert netbilld("nas", "set", "pop1", "--snmp-user", "netbilld", *keys, "--snmp-port", "1161") == 0
    shown = netbilld.json("nas", "show", "pop1")
    assert (shown["snmp"], shown["snmp_version"], shown["snmp_port"], shown["device"]) == (True, "3", 1161, None)
    assert not any(secret in json.dumps(shown) for secret in ("rahasia-snmp", "kunci"))
    netbilld("doctor", "--json")
    assert ("nas pop1 snmp", "unknown") in {
        (line["name"], line["result"]) for line in json.loads(netbilld.out)["checks"]
    }
    assert "8 characters" in netbilld.refused("nas", "set", "pop1", "--snmp-user", "n", "--snmp-auth-key", "pendek")
    assert "--snmp-user" in netbilld.refused("nas", "set", "pop1", *keys)
    assert "needs authentication" in netbilld.refused(
        "nas", "set", "pop1", "--snmp-user", "n", "--snmp-priv-key", "x" * 9
    )

    assert netbilld("meter", "list", "--json") == 0
    assert "no NAS has the name" in netbilld.refused("meter", "add", "kantor", "--nas", "pop9", "--interface", "ether5")
    assert "kantor" in netbilld.refused("meter", "add", "kantor", "--nas", "pop1", "--interface", "ether5")
    assert "no meter has the number 7" in netbilld.refused("meter", "remove", "7")
    assert "nothing in doubt has the number 7" in netbilld.refused("meter", "accept", "7")
    assert netbilld.json("meter", "doubts") == []
    assert netbilld.json("usage", "crosscheck", "--all") == []
    assert "no NAS has the name" in netbilld.refused("usage", "crosscheck", "--nas", "pop9")
    assert netbilld("nas", "set", "pop1", "--snmp-user", "", "--snmp-community", "") == 0
    assert netbilld.json("nas", "show", "pop1")["snmp"] is False
