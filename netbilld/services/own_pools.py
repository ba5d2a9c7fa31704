"""Which of the pools a profile names are ours: those give addresses, the others are named to the NAS."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from netbilld.enforcement.profile import Access, ServiceProfile
from netbilld.model.address_pool import PoolKind


@dataclass(frozen=True, slots=True)
class PoolNeeds:
    """Pools of ours that a session's addresses come from, by their folded names; None where none gives that kind."""

    ipv4: str | None = None
    ipv6_prefix: str | None = None
    delegated: str | None = None


NO_NEEDS: Final = PoolNeeds()


class OwnPools:
    """The names of our pools, by kind; changed as pools come and go."""

    def __init__(self) -> None:
        self._names: dict[PoolKind, frozenset[str]] = {}
        self._needs: dict[PoolNeeds, PoolNeeds] = {NO_NEEDS: NO_NEEDS}  # one object for all who need the same

    def set(self, names: Iterable[tuple[PoolKind, str]]) -> bool:
        """Take the folded names of all pools in use; return whether they are others than before."""
        found: dict[PoolKind, set[str]] = {}
        for kind, name in names:
            found.setdefault(kind, set()).add(name)
        before, self._names = self._names, {kind: frozenset(some) for kind, some in found.items()}
        return self._names != before

    def needs(self, profile: ServiceProfile) -> PoolNeeds:
        """Return what our pools have to give to a session with this profile.

        Nothing to one inside the walls: the walled garden's pool is the NAS's, which redirects it.
        """
        if not self._names or profile.access not in {Access.ACTIVE, Access.THROTTLED}:
            return NO_NEEDS
        needs = PoolNeeds(
            self._ours(PoolKind.IPV4, profile.pool),
            self._ours(PoolKind.IPV6_PREFIX, profile.ipv6_pool),
            self._ours(PoolKind.DELEGATED, profile.delegated_pool),
        )
        return self._needs.setdefault(needs, needs)

    def _ours(self, kind: PoolKind, name: str | None) -> str | None:
        if name is None:
            return None
        folded = name.strip().casefold()
        return folded if folded in self._names.get(kind, ()) else None


def told_to_nas(profile: ServiceProfile, needs: PoolNeeds) -> ServiceProfile:
    """Return the profile as the NAS is told it: without the pools that we give from."""
    if needs is NO_NEEDS:
        return profile
    return replace(
        profile,
        pool=None if needs.ipv4 else profile.pool,
        ipv6_pool=None if needs.ipv6_prefix else profile.ipv6_pool,
        delegated_pool=None if needs.delegated else profile.delegated_pool,
    )
