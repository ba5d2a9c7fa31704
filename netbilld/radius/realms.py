r"""User names with a realm: `andi@isp.example`, `ISP\andi`, or the realm in an attribute of its own (RFC 7542 §2)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from netbilld.radius.attributes import MIKROTIK_REALM, MS_CHAP_DOMAIN, USER_NAME
from netbilld.radius.mschap import name_without_domain

ANY_REALM: Final = "*"
_FIRST_PRINTABLE: Final = 0x20


@dataclass(frozen=True, slots=True)
class Realms:
    """Which realms mean us: those named, without regard to letter case; `*` is any of them.

    A name is always looked up as it was typed first.
    """

    names: frozenset[bytes]

    @classmethod
    def of(cls, names: Iterable[str]) -> "Realms":
        """Return the realms of a setting."""
        return cls(frozenset(name.strip().lower().encode() for name in names))

    @property
    def named(self) -> "Realms":
        """The realms that are named one by one."""
        return Realms(self.names - {ANY_REALM.encode()})

    def other_names(self, user_name: bytes, attributes: dict[int, bytes]) -> list[bytes]:
        """Return what else to look up once `user_name` as typed leads to nobody, in order.

        First without the realm, if it is one of ours; then with the realm that the NAS took off it and reports.
        """
        found: list[bytes] = []
        name, mark, realm = user_name.rpartition(b"@")
        if mark and name and self._is_ours(realm):
            found.append(name)
        domain, mark, rest = user_name.partition(b"\\")
        if mark and rest and self._is_ours(domain):
            found.append(rest)
            inner, mark, realm = rest.rpartition(b"@")
            if mark and inner and self._is_ours(realm):
                found.append(inner)
        if user_name and not found:
            found.extend(
                user_name + b"@" + realm for realm in reported_realms(attributes) if realm and self._is_ours(realm)
            )
        return found

    def _is_ours(self, realm: bytes) -> bool:
        return b"*" in self.names or realm.rstrip(b"\0").lower() in self.names


def reported_realms(attributes: dict[int, bytes]) -> list[bytes]:
    """Return the realms that the NAS reports beside the name."""
    found = []
    if realm := attributes.get(MIKROTIK_REALM):
        found.append(realm)
    domain = attributes.get(MS_CHAP_DOMAIN)
    if domain:  # an identifier goes before it (RFC 2548 §2.1.4), which some NAS leave out
        found.append(domain[1:] if domain[0] < _FIRST_PRINTABLE else domain)
    return found


def hashed_names(attributes: dict[int, bytes], stored_name: str) -> list[bytes]:
    r"""Return the names an MS-CHAPv2 peer may have hashed, the likeliest first (RFC 2759 §8.2: without `DOMAIN\`).

    Peers differ once a realm is about: what they typed, what is left of it, what the NAS made of it. A name without
    any gives one name, so that it costs no more.
    """
    user_name = attributes.get(USER_NAME, b"")
    found = [name_without_domain(user_name)]
    if stored_name.encode() == user_name and MIKROTIK_REALM not in attributes and MS_CHAP_DOMAIN not in attributes:
        return found if b"@" not in user_name else [*found, found[0].rpartition(b"@")[0]]
    if b"@" in user_name:
        found.append(found[0].rpartition(b"@")[0])
    found.extend(found[0] + b"@" + realm for realm in reported_realms(attributes))
    if stored_name and (stored := stored_name.encode()) not in found:
        found.append(stored)
    return found
