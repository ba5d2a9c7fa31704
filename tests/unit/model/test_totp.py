"""RFC 6238's vectors, and what is made of a code."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from netbilld.model.totp import code_of, key_uri, matching_step, secret_text, step_at

SECRET = b"12345678901234567890"
NOW = datetime(2026, 11, 22, 8, 2, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "digits"),
    [(59, "94287082"), (1111111109, "07081804"), (1111111111, "14050471"), (1234567890, "89005924"),
     (2000000000, "69279037"), (20000000000, "65353130")],
)  # fmt: skip
def test_rfc6238_appendix_b_the_codes_of_sha1(seconds: int, digits: str) -> None:
    """The vectors have eight digits; six are their last ones (RFC 4226 section 5.3)."""
    assert code_of(SECRET, step_at(datetime.fromtimestamp(seconds, UTC))) == digits[2:]


@pytest.mark.parametrize("off", [-30, 0, 30])
def test_a_clock_may_be_off_by_one_step(off: int) -> None:
    code = code_of(SECRET, step_at(NOW + timedelta(seconds=off)))
    assert matching_step(SECRET, code, NOW, 0) == step_at(NOW) + off // 30


@pytest.mark.parametrize("off", [-60, 60])
def test_a_code_of_another_time_is_none(off: int) -> None:
    assert matching_step(SECRET, code_of(SECRET, step_at(NOW + timedelta(seconds=off))), NOW, 0) is None


def test_rfc6238_5_2_a_code_is_taken_once_and_none_before_it() -> None:
    step = step_at(NOW)
    assert matching_step(SECRET, code_of(SECRET, step), NOW, step - 1) == step
    assert matching_step(SECRET, code_of(SECRET, step), NOW, step) is None
    assert matching_step(SECRET, code_of(SECRET, step - 1), NOW, step) is None
    assert matching_step(SECRET, code_of(SECRET, step + 1), NOW, step) == step + 1


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "٠١٢٣٤٥", "12 34", "-12345"])
def test_what_is_no_code_matches_nothing(typed: str) -> None:
    assert matching_step(SECRET, typed, NOW, 0) is None


def test_spaces_in_a_code_do_not_count() -> None:
    code = code_of(SECRET, step_at(NOW))
    assert matching_step(SECRET, f" {code[:3]} {code[3:]}", NOW, 0) == step_at(NOW)


def test_generators_read_the_uri() -> None:
    uri = urlsplit(key_uri(SECRET, "ani@rumahnet.example", "Rumah Net & Co"))
    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/Rumah%20Net%20%26%20Co:ani%40rumahnet.example")
    assert parse_qs(uri.query) == {
        "secret": [secret_text(SECRET)], "issuer": ["Rumah Net & Co"], "digits": ["6"], "period": ["30"],
    }  # fmt: skip
    assert secret_text(SECRET) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
