"""EAP-MSCHAPv2 as PEAP has it inside: challenge, response, success (draft-kamath-pppext-eap-mschapv2 §2)."""

from typing import Final

from netbilld.radius import mschap
from netbilld.radius.access import Reason
from netbilld.radius.eap import proof
from netbilld.radius.eap.steps import Find, Granted, Refused, broken, concluded

CHALLENGE_OCTETS: Final = 16
_CHALLENGE: Final = 1
_RESPONSE: Final = 2
_SUCCESS: Final = 3
_FAILURE: Final = 4
_SERVER_NAME: Final = b"netbilld"
# peer challenge, 8 reserved octets, NT-Response, flags
_VALUE_OCTETS: Final = 49
_MAX_NAME_OCTETS: Final = 253


class InnerMsChapV2:
    """One try of MS-CHAPv2; `verdict` is known once the response was checked, and holds once the peer agrees."""

    def __init__(self, identity: bytes, challenge: bytes, error_challenge: bytes) -> None:
        self._identity = identity
        self._challenge = challenge
        self._error_challenge = error_challenge
        self._identifier = 1
        self.verdict: Granted | Refused | None = None

    def start(self) -> bytes:
        """Return Challenge."""
        value = bytes((CHALLENGE_OCTETS,)) + self._challenge
        return self._message(_CHALLENGE, value + _SERVER_NAME)

    def answer(self, data: bytes, find: Find) -> bytes | Granted | Refused:
        """Return Success or Failure to a Response, and the verdict once the peer has acknowledged one of them."""
        if self.verdict is None:
            return self._checked(data, find)
        if data[:1] == bytes((_SUCCESS,)) and isinstance(self.verdict, Granted):
            return self.verdict
        if isinstance(self.verdict, Refused):
            return self.verdict
        return Refused(Reason.EAP_FAILED, self.verdict.view, "the peer does not accept the server's proof")

    def _checked(self, data: bytes, find: Find) -> bytes | Refused:
        if len(data) < 5 + _VALUE_OCTETS or data[0] != _RESPONSE or data[4] != _VALUE_OCTETS:
            return broken("malformed MS-CHAPv2 response")
        value = data[5 : 5 + _VALUE_OCTETS]
        name = data[5 + _VALUE_OCTETS :][:_MAX_NAME_OCTETS]
        # As MS-CHAP2-Response has it: identifier, flags, peer challenge, reserved, NT-Response (RFC 2548 §2.3.2).
        answer = data[1:2] + value[-1:] + value[:-1]
        view = find(self._identity)
        self.verdict = concluded(view, proof.mschap_v2(view, answer, self._challenge, name))
        if isinstance(self.verdict, Granted):
            proved = mschap.success_v2(self._challenge, answer, name, self.verdict.view.nt_hash)
            return self._message(_SUCCESS, proved[1:] + b" M=OK")
        # RFC 2759 §6: 691 for wrong credentials, 649 for right ones that may not come in now
        wrong = self.verdict.reason in {Reason.UNKNOWN_USER, Reason.WRONG_PASSWORD, Reason.TOO_MANY_TRIES}
        text = mschap.error(self._identifier, self._error_challenge, 3, 691 if wrong else 649)
        return self._message(_FAILURE, text[1:])

    def _message(self, code: int, data: bytes) -> bytes:
        length = 4 + len(data)
        return bytes((code, self._identifier, length >> 8, length & 0xFF)) + data
