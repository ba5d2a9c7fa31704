"""Codes that are their own password, as people type them: in any letter case, in groups, with dashes."""

from collections.abc import Iterator
from hmac import compare_digest
from typing import Final

_BETWEEN: Final = b" -."  # what is printed or typed between groups


def plain_code(written: bytes) -> bytes:
    """Return a code without what stands between its groups, in capitals."""
    return written.translate(None, _BETWEEN).upper()


def is_written_in_groups(written: bytes) -> bool:
    """Tell whether there is something between the groups of what may be a code."""
    return any(sign in written for sign in _BETWEEN)


def is_own_password(name: str, password: bytes) -> bool:
    """Tell whether a credential is a code: a name that is its own password."""
    return password == name.encode()


def same_code(name: str, password: bytes, said: bytes) -> bool:
    """Tell whether a password that was said is the code of a credential that is one, however it is written."""
    return is_own_password(name, password) and compare_digest(plain_code(said), plain_code(password))


def spellings(name: str, password: bytes, typed_name: bytes) -> Iterator[bytes]:
    """Yield the passwords that a code's typed name makes likely, for methods that hide what was said."""
    if is_own_password(name, password) and plain_code(typed_name) == plain_code(password):
        yield from dict.fromkeys((typed_name, password.lower(), password.upper()))
