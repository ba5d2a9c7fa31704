"""The fields of a NAS."""

import pytest

from netbilld.model.errors import InvalidInputError
from netbilld.services.manage_nas import check_api_url, check_secret, masked_api_url, parse_prefix


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("10.0.0.1", "10.0.0.1/32"),
        ("10.0.0.9/24", "10.0.0.0/24"),
        ("2001:db8::1/64", "2001:db8::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1/32"),
        ("::ffff:10.0.0.1/120", "10.0.0.0/24"),
        ("0.0.0.0/0", "0.0.0.0/0"),
    ],
)
def test_an_address_or_prefix_is_stored_as_cidr(written: str, stored: str) -> None:
    assert parse_prefix("NAS address", written) == stored


@pytest.mark.parametrize("written", ["", "router.example.org", "10.0.0.1/33", "10.0.0", "fe80::1%eth0"])
def test_what_is_no_address_is_refused_by_field(written: str) -> None:
    with pytest.raises(InvalidInputError, match="NAS address"):
        parse_prefix("NAS address", written)


@pytest.mark.parametrize("secret", ["", " s", "s ", "a\nb", "x" * 201])
def test_a_secret_that_would_be_typed_differently_elsewhere_is_refused(secret: str) -> None:
    with pytest.raises(InvalidInputError):
        check_secret(secret)


def test_a_shown_api_address_has_no_password() -> None:
    assert masked_api_url("https://admin:hunter2@10.0.0.1:8443/rest") == "https://admin@10.0.0.1:8443/rest"
    assert masked_api_url("api-ssl://admin:hunter2@[2001:db8::1]:8729") == "api-ssl://admin@[2001:db8::1]:8729"


@pytest.mark.parametrize("url", ["10.0.0.1", "ftp://10.0.0.1", "https://", "https://h:99999", "https://[::1"])
def test_what_is_no_api_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        check_api_url(url)
    assert url not in str(refused.value).replace("https://USER", "")
