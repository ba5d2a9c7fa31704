import hmac
import pickle

import pytest

from netbilld.model.errors import NetbilldError
from netbilld.radius.authenticator import Secret


@pytest.mark.parametrize("key", [b"x", b"k" * 63, b"k" * 64, b"k" * 65, b"k" * 300])
@pytest.mark.parametrize("message", [b"", b"message", bytes(4096)])
def test_rfc2104_hmac_md5_agrees_with_the_standard_library(key: bytes, message: bytes) -> None:
    assert Secret(key).hmac_md5(message) == hmac.digest(key, message, "md5")


def test_a_secret_is_never_shown() -> None:
    secret = Secret(b"hunter2hunter2")
    assert "hunter2" not in f"{secret!r} {secret} {[secret]}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_equal_secrets_are_equal() -> None:
    assert Secret(b"same") == Secret(b"same")
    assert Secret(b"same") != Secret(b"other")
    assert len({Secret(b"same"), Secret(b"same")}) == 1


def test_rfc2865_3_an_empty_secret_is_refused() -> None:
    with pytest.raises(NetbilldError, match="empty"):
        Secret(b"")
