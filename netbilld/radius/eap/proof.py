"""Checking what a peer offers as proof against a credential; a name that nobody has costs the same."""

from hmac import compare_digest
from typing import Final

from netbilld.radius import mschap, passwords
from netbilld.radius.access import AccessView, Reason

_NOBODYS_PASSWORD: Final = b"\xff nobody has this password"
_NOBODYS_HASH: Final = bytes.fromhex("ff00ff00ff00ff00ff00ff00ff00ff00")


def clear_text(view: AccessView | None, password: bytes) -> Reason:
    """Return OK if `password` is the credential's; its NT hash will do where no clear text is kept."""
    if view is not None and view.nt_hash and not view.password:
        return _reason(view, view.nt_hash, compare_digest(mschap.nt_hash(password), view.nt_hash))
    kept = view.password if view is not None else _NOBODYS_PASSWORD
    return _reason(view, kept, compare_digest(password, kept))


def chap(view: AccessView | None, answer: bytes, challenge: bytes) -> Reason:
    """Return OK if `answer`, an identifier and 16 octets, answers `challenge` (RFC 1994 §4.1, RFC 3748 §5.4)."""
    kept = view.password if view is not None else _NOBODYS_PASSWORD
    return _reason(view, kept, passwords.verify_chap(answer, challenge, kept))


def mschap_v1(view: AccessView | None, answer: bytes, challenge: bytes) -> Reason:
    """Return OK if the 50 octets of `answer` answer the 8 of `challenge` (RFC 2433, RFC 2548 §2.1.3)."""
    kept = view.nt_hash if view is not None else _NOBODYS_HASH
    return _reason(view, kept, mschap.verify_v1(challenge, answer, kept or _NOBODYS_HASH))


def mschap_v2(view: AccessView | None, answer: bytes, challenge: bytes, name: bytes) -> Reason:
    """Return OK if the 50 octets of `answer` answer the 16 of `challenge` (RFC 2759 §8, RFC 2548 §2.3.2)."""
    kept = view.nt_hash if view is not None else _NOBODYS_HASH
    return _reason(view, kept, mschap.verify_v2(challenge, answer, name, kept or _NOBODYS_HASH))


def _reason(view: AccessView | None, kept: bytes, right: bool) -> Reason:
    if view is None:
        return Reason.UNKNOWN_USER
    if view.barred:
        return Reason.TOO_MANY_TRIES
    if view.nt_hash == mschap.NT_HASH_OF_NOTHING and not view.password:
        return Reason.NO_PASSWORD
    if not kept:
        return Reason.WRONG_METHOD_STORED if view.nt_hash else Reason.NO_PASSWORD
    return Reason.OK if right else Reason.WRONG_PASSWORD
