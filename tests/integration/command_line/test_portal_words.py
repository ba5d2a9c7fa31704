"""`nas options`, `nas hotspot`, and what `nas script` opens to who is walled."""

from pathlib import Path

import pytest

from tests.people_world import SECRET, CommandLine

URL = "https://portal.desa.example"


def test_devices_are_told_of_the_portal_once_it_has_an_address(
    netbilld: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "portal.public_url" in netbilld.refused("nas", "options")
    assert "unrestricted" in str(netbilld.json("nas", "options", "--none", "--for", "dnsmasq"))
    monkeypatch.setenv("NETBILLD_PORTAL__PUBLIC_URL", URL)
    told = netbilld.json("nas", "options")
    assert told["url"] == f"{URL}/capport"
    assert set(told["lines"]) == {"routeros", "isc", "kea", "dnsmasq", "radvd"}
    assert netbilld("nas", "options", "--for", "dnsmasq") == 0
    assert f"dhcp-option=114,{URL}/capport" in netbilld.out
    assert "allowed:" in netbilld.refused("nas", "options", "--for", "windows")
    monkeypatch.setenv("NETBILLD_PORTAL__PUBLIC_URL", "http://portal.desa.example")
    assert "https" in netbilld.refused("nas", "options")


def test_a_hotspots_pages_lead_to_the_portal(netbilld: CommandLine, tmp_path: Path) -> None:
    assert "public_url" in netbilld.refused("nas", "hotspot", str(tmp_path / "hotspot"))
    told = netbilld.json("nas", "hotspot", str(tmp_path / "hotspot"), "--portal-url", URL + "/")
    assert told["files"] == ["alogin.html", "login.html", "logout.html", "status.html"]
    page = (tmp_path / "hotspot" / "login.html").read_text("utf-8")
    assert f'action="{URL}/hotspot"' in page
    assert 'name="chap-challenge" value="$(chap-challenge)"' in page


def test_the_walled_garden_holds_payment_pages_and_never_what_devices_probe(netbilld: CommandLine) -> None:
    assert netbilld("nas", "add", "pop1", "192.0.2.1", "--secret", SECRET) == 0
    script = ("nas", "script", "pop1", "--server", "192.0.2.10")
    assert netbilld(*script, "--pay", "midtrans", "--allow", "bank.example") == 0
    for host in ("app.midtrans.com", "*.midtrans.com", "bank.example"):
        assert host in netbilld.out
    for probed in ("connectivitycheck.gstatic.com", "*.apple.com", "*"):
        assert "look for a portal" in netbilld.refused(*script, "--allow", probed)
    assert "allowed:" in netbilld.refused(*script, "--pay", "paypal")
