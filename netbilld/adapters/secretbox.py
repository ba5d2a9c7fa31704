"""Encryption at rest of subscriber passwords, NAS secrets and API keys, with the key of `secret_key_file`.

AES-256-GCM with a random nonce; the place a secret belongs to (table, column and row) is bound in as associated data,
so that a ciphertext copied to another row does not open there.
"""

import hmac
import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from netbilld.model.errors import NetbilldError

KEY_OCTETS: Final = 32
_FORMAT: Final = b"\x01"
_NONCE_OCTETS: Final = 12
_CHECK: Final = b"netbilld key check"


class SecretBox:
    """Seals and opens secrets, and signs what it can tell again; its repr shows nothing."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._digest_key = hmac.digest(key, b"netbilld keyed digests", "sha256")

    def keyed_digest(self, purpose: str, data: bytes) -> bytes:
        """Return 32 octets that nobody without the key can work out; HMAC-SHA-256 of the purpose and the data."""
        return hmac.digest(self._digest_key, purpose.encode() + b"\0" + data, "sha256")

    def seal(self, clear: bytes, place: str) -> bytes:
        """Return `clear` encrypted for one place, such as `nas.secret:<uuid>`."""
        nonce = os.urandom(_NONCE_OCTETS)
        return _FORMAT + nonce + self._cipher.encrypt(nonce, clear, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Return what was sealed for that place.

        Raises:
            NetbilldError: another key, another place, or damaged data.
        """
        try:
            if not sealed.startswith(_FORMAT):
                raise InvalidTag  # noqa: TRY301 - whatever it is, it was not sealed by this program
            return self._cipher.decrypt(sealed[1 : 1 + _NONCE_OCTETS], sealed[1 + _NONCE_OCTETS :], place.encode())
        except (InvalidTag, ValueError):
            raise NetbilldError(
                f"a secret in the database ({place.partition(':')[0]}) can't be opened with the key in use",
                hint="restore the secret_key_file that belongs to this database",
                code="wrong_key",
            ) from None

    def check_value(self) -> str:
        """Return a value to keep beside the data, by which a wrong key is noticed at start."""
        return self.seal(_CHECK, "meta.key_check").hex()

    def verify(self, check_value: str) -> bool:
        """Return whether this key made that check value."""
        try:
            return self.open(bytes.fromhex(check_value), "meta.key_check") == _CHECK
        except (NetbilldError, ValueError):
            return False


def create_key_file(path: Path) -> None:
    """Make a new random key, readable by its owner only; an existing file is left alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w") as file:
        file.write(os.urandom(KEY_OCTETS).hex() + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_key_file(path: Path) -> SecretBox:
    """Return the box for the key in that file.

    Raises:
        NetbilldError: the file is missing, can't be read, or holds no key.
    """
    try:
        text = path.read_text("ascii").strip()
        key = bytes.fromhex(text)
    except FileNotFoundError:
        raise NetbilldError(
            f"secret_key_file {path} does not exist", hint="run `netbilld init`", code="no_key"
        ) from None
    except OSError as error:
        raise NetbilldError(
            f"secret_key_file {path} can't be read: {error.strerror}", hint="check its owner and mode", code="no_key"
        ) from None
    except ValueError:
        key = b""
    if len(key) != KEY_OCTETS:
        raise NetbilldError(
            f"secret_key_file {path} holds no key (64 hexadecimal digits)",
            hint="restore it from the backup",
            code="no_key",
        )
    return SecretBox(key)
