"""EAP-MD5-Challenge (RFC 3748 §5.4): CHAP in EAP's clothes; no keys, no proof of the server."""

from typing import Final

from netbilld.radius.access import Method
from netbilld.radius.eap import proof
from netbilld.radius.eap.packet import EapType
from netbilld.radius.eap.steps import Find, Step, broken, concluded

CHALLENGE_OCTETS: Final = 16
_DIGEST_OCTETS: Final = 16


class Md5Method:
    """One challenge and its answer."""

    kind = EapType.MD5
    name: Method = "eap-md5"

    def __init__(self, identity: bytes, challenge: bytes) -> None:
        self.identity = identity
        self.identifier = 0  # of the Request, which enters the digest
        self._challenge = challenge

    def start(self) -> bytes:
        """Return Value-Size and challenge."""
        return bytes((len(self._challenge),)) + self._challenge

    def answer(self, data: bytes, find: Find) -> Step:
        """Return whether the digest is right; a name may follow it and is not looked at."""
        if len(data) < 1 + _DIGEST_OCTETS or data[0] != _DIGEST_OCTETS:
            return broken("malformed MD5 response")
        view = find(self.identity)
        digest = bytes((self.identifier,)) + data[1 : 1 + _DIGEST_OCTETS]
        return concluded(view, proof.chap(view, digest, self._challenge))

    @property
    def refused(self) -> None:
        """A Failure is all that MD5 tells."""

    def granted(self) -> None:
        """Keep nothing."""
