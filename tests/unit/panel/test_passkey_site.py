"""For which addresses browsers make passkeys, and what they call the site."""

import pytest

from netbilld.panel.passkey_site import site_at


@pytest.mark.parametrize(
    ("url", "rp_id", "origin"),
    [
        ("https://panel.example.net", "panel.example.net", "https://panel.example.net"),
        ("https://Panel.Example.net:443/", "panel.example.net", "https://panel.example.net"),
        ("https://panel.example.net:8443/x", "panel.example.net", "https://panel.example.net:8443"),
        ("http://localhost:8080", "localhost", "http://localhost:8080"),
    ],
)
def test_a_site_is_called_as_browsers_call_it(url: str, rp_id: str, origin: str) -> None:
    site = site_at(url, "Rumah Net")
    assert site is not None
    assert (site.rp_id, site.origin) == (rp_id, origin)


@pytest.mark.parametrize(
    "url",
    [
        "http://panel.example.net",
        "http://192.0.2.1:8080",
        "https://192.0.2.1",
        "https://[2001:db8::1]",
        "https://",
        "https://panel.example.net:x",
        "https://one.example, two.example",
        "ftp://panel.example.net",
        "https://[",
    ],
)
def test_elsewhere_there_are_no_passkeys(url: str) -> None:
    assert site_at(url, "Rumah Net") is None
