"""What a method says after each Response: ask on, let in, or refuse."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from netbilld.radius.access import AccessView, Method, Reason
from netbilld.radius.eap.packet import EapType

# Leads from a name, as a peer or its certificate gives it, to its credential.
Find = Callable[[bytes], AccessView | None]


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask this next: the data of a Request of the method's type."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Granted:
    """The peer is who it says, and its service may come in.

    `msk` is the Master Session Key, 64 octets, empty where the method has none (RFC 5247 §1.2).
    """

    view: AccessView
    msk: bytes = field(repr=False, default=b"")
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """It may not come in. `view` is known where the credentials lead to one; `detail` is for people."""

    reason: str
    view: AccessView | None = None
    detail: str | None = None


Step = Ask | Granted | Refused


class EapMethod(Protocol):
    """One method in one conversation."""

    kind: EapType
    name: Method
    identity: bytes  # who the peer says it is, as far as is known: the inner identity once there is one

    @property
    def refused(self) -> Refused | None:
        """Why the peer will be refused, once that is certain; it may have been told already and hang up."""
        ...

    def start(self) -> bytes:
        """Return the data of the first Request."""
        ...

    def answer(self, data: bytes, find: Find) -> Step:
        """Return what follows from the data of a Response."""
        ...

    def granted(self) -> None:
        """Know that the peer was let in."""
        ...


def broken(detail: str) -> Refused:
    """Return the refusal of a conversation that does not follow the protocol."""
    return Refused(Reason.EAP_FAILED, detail=detail)


def concluded(view: AccessView | None, reason: Reason, msk: bytes = b"") -> Granted | Refused:
    """Return what a checked credential leads to: what its service is due is told only to right credentials."""
    if view is None:
        return Refused(Reason.UNKNOWN_USER)
    if reason is not Reason.OK:
        return Refused(reason, view)
    if view.refusal is not None:
        return Refused(view.refusal, view)
    return Granted(view, msk)
