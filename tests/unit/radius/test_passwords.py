import pytest

from netbilld.radius.authenticator import Secret
from netbilld.radius.errors import EncodeError
from netbilld.radius.passwords import hide_password, hide_salted, reveal_password, reveal_salted, verify_chap

SECRET = Secret(b"xyzzy5461")
AUTHENTICATOR = bytes(range(16))


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 31, 32, 127, 128])
def test_rfc2865_5_2_passwords_up_to_128_octets_come_back(size: int) -> None:
    password = b"p" * size
    hidden = hide_password(password, SECRET, AUTHENTICATOR)
    assert len(hidden) % 16 == 0
    assert len(hidden) >= 16
    assert reveal_password(hidden, SECRET, AUTHENTICATOR) == password


@pytest.mark.parametrize("size", [1, 15, 17, 144, 253])
def test_rfc2865_5_2_an_impossible_length_reveals_nothing(size: int) -> None:
    assert reveal_password(bytes(size), SECRET, AUTHENTICATOR) is None


def test_a_user_password_without_octets_is_an_empty_password() -> None:
    assert reveal_password(b"", SECRET, AUTHENTICATOR) == b""


def test_a_password_of_129_octets_is_not_hidden() -> None:
    with pytest.raises(EncodeError):
        hide_password(bytes(129), SECRET, AUTHENTICATOR)


@pytest.mark.parametrize("answer", [b"", b"\x01", bytes(16), bytes(18)])
def test_rfc2865_5_3_a_chap_answer_of_the_wrong_size_is_wrong(answer: bytes) -> None:
    assert not verify_chap(answer, AUTHENTICATOR, b"")


@pytest.mark.parametrize("size", [0, 1, 15, 16, 32, 239])
def test_rfc2548_2_4_2_salted_values_come_back(size: int) -> None:
    value = bytes(range(size % 256)) or b""
    hidden = hide_salted(value, b"\x80\x01", SECRET, AUTHENTICATOR)
    assert reveal_salted(hidden, SECRET, AUTHENTICATOR) == value


@pytest.mark.parametrize("salt", [b"", b"\x00\x01", b"\x7f\xff", b"\x80"])
def test_rfc2548_2_4_2_a_salt_begins_with_a_set_bit(salt: bytes) -> None:
    with pytest.raises(EncodeError):
        hide_salted(b"key", salt, SECRET, AUTHENTICATOR)


def test_a_value_too_long_to_hide_is_refused() -> None:
    with pytest.raises(EncodeError):
        hide_salted(bytes(240), b"\x80\x00", SECRET, AUTHENTICATOR)


@pytest.mark.parametrize("hidden", [b"", b"\x80\x01", bytes(17), bytes(19)])
def test_salted_octets_of_an_impossible_length_reveal_nothing(hidden: bytes) -> None:
    assert reveal_salted(hidden, SECRET, AUTHENTICATOR) is None
