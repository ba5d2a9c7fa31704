from datetime import UTC, datetime, timedelta
from os import urandom
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from netbilld.panel.i18n import chosen_locale
from netbilld.panel.security import Perimeter, safe_path, same_token
from netbilld.services.sign_in import FREE_ATTEMPTS_NAME, lock_of, new_login, token_hash


def _request(remote: str = "203.0.113.9", **headers: str) -> Any:
    class Transport:
        def get_extra_info(self, name: str, default: Any = None) -> Any:
            return (remote, 5) if name == "peername" else default

        def is_closing(self) -> bool:
            return False

    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return make_mocked_request("POST", "/x", headers={"Host": "panel.example", **named}, transport=Transport())


DIRECT = Perimeter("panel", (), urandom)
PROXIED = Perimeter("panel", ("10.0.0.0/8",), urandom)


@pytest.mark.parametrize(
    "elsewhere",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil",
        "javascript:alert(1)",
        "/a\r\nSet-Cookie: x=1",
        "",
        None,
        "/\t/evil.example",
        "/" + "a" * 600,
    ],
)
def test_no_place_outside_the_site_is_gone_to(elsewhere: str | None) -> None:
    assert safe_path(elsewhere) == "/"


@given(st.text())
def test_a_path_to_go_on_to_is_always_ours(text: str) -> None:
    path = safe_path(text)
    assert path.startswith("/")
    assert not path.startswith(("//", "/\\"))
    assert "\n" not in path
    assert "\r" not in path


def test_a_page_of_the_site_may_send_forms() -> None:
    assert DIRECT.is_same_origin(_request(Sec_Fetch_Site="same-origin"))
    assert DIRECT.is_same_origin(_request(Origin="http://panel.example"))
    assert DIRECT.is_same_origin(_request(Referer="http://panel.example/subscribers"))
    assert DIRECT.is_same_origin(_request())  # no browser: the token decides


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://panel.example.evil.example"},
        {"Origin": "http://[broken"},
        {"Referer": "http://evil.example/panel.example"},
        {"Origin": "http://evil.example", "X_Forwarded_Host": "evil.example"},
    ],
)
def test_another_site_may_not(headers: dict[str, str]) -> None:
    assert not DIRECT.is_same_origin(_request(**headers))


def test_only_a_trusted_proxy_is_believed() -> None:
    told = {"X_Forwarded_For": "198.51.100.7", "X_Forwarded_Proto": "https", "X_Forwarded_Host": "isp.example"}
    assert DIRECT.source(_request(**told)) == "203.0.113.9"
    assert not DIRECT.is_https(_request(**told))
    assert PROXIED.source(_request(**told)) == "203.0.113.9"
    assert not PROXIED.is_https(_request(**told))
    assert PROXIED.source(_request("10.1.2.3", **told)) == "198.51.100.7"
    assert PROXIED.is_https(_request("10.1.2.3", **told))
    assert PROXIED.is_same_origin(_request("10.1.2.3", Origin="https://isp.example", **told))


def test_the_cookie_over_tls_can_be_planted_by_no_other_host() -> None:
    assert DIRECT.cookie_name(_request()) == "netbilld_panel"
    assert PROXIED.cookie_name(_request("10.1.2.3", X_Forwarded_Proto="https")) == "__Host-netbilld_panel"


def test_an_empty_token_equals_nothing() -> None:
    assert not same_token("", "")
    assert same_token("abc", "abc")
    assert not same_token("é", "abc")


def test_every_login_has_a_new_token_and_only_its_hash_is_kept() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    one, two = (new_login("panel", "::1", now, timedelta(hours=1), urandom) for _ in range(2))
    assert one.token != two.token
    assert len(one.token) == 43  # 256 bits
    assert one.login.token_hash == token_hash(one.token)
    assert one.token not in repr(one)
    assert one.login.csrf_token not in repr(one)


def test_a_lock_doubles_from_a_minute_to_a_quarter_of_an_hour() -> None:
    lock = lock_of(FREE_ATTEMPTS_NAME)
    minutes = [lock(failures).total_seconds() / 60 for failures in range(4, 12)]
    assert minutes == [0, 1, 2, 4, 8, 15, 15, 15]


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        ("en-US,en;q=0.9,id;q=0.8", "en"),
        ("id-ID,id;q=0.9,en;q=0.8", "id"),
        ("de", "id"),
        ("", "id"),
        ("en;q=abc", "id"),
        ("en;q=0, id", "id"),
        ("fr;q=1, en;q=0.2", "en"),
    ],
)
def test_the_browser_is_asked_for_its_language(header: str, locale: str) -> None:
    assert chosen_locale(_request(Accept_Language=header), "id") == locale


def test_a_picked_language_comes_before_the_browsers() -> None:
    request = _request(Accept_Language="en", Cookie="netbilld_language=id")
    assert chosen_locale(request, "en", preferred="en") == "id"
    assert chosen_locale(_request(Accept_Language="en", Cookie="netbilld_language=xx"), "id", preferred="id") == "id"
