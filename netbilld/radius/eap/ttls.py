"""EAP-TTLS version 0: PAP, CHAP, MS-CHAP or MS-CHAPv2 inside TLS (RFC 5281, RFC 9427)."""

from hmac import compare_digest
from typing import Final

from netbilld.radius import mschap
from netbilld.radius.access import Method, Reason
from netbilld.radius.attributes import (
    CHAP_CHALLENGE,
    CHAP_PASSWORD,
    MS_CHAP2_RESPONSE,
    MS_CHAP2_SUCCESS,
    MS_CHAP_CHALLENGE,
    MS_CHAP_RESPONSE,
    USER_NAME,
    USER_PASSWORD,
)
from netbilld.radius.eap import avp, proof
from netbilld.radius.eap.packet import EapType
from netbilld.radius.eap.steps import Find, Granted, Refused, concluded
from netbilld.radius.eap.tls import COMMITMENT
from netbilld.radius.eap.tls_method import TlsMethod
from netbilld.radius.packet import MAX_VALUE_OCTETS

_CHALLENGE_LABEL: Final = b"ttls challenge"  # RFC 5281 §11.1; with TLS 1.3 through its exporter, RFC 9427 §2.4
_CHAP_CHALLENGE_OCTETS: Final = 16
_MSCHAP_CHALLENGE_OCTETS: Final = 8
_UNDERSTOOD: Final = frozenset(
    (USER_NAME, USER_PASSWORD, CHAP_PASSWORD, CHAP_CHALLENGE, MS_CHAP_CHALLENGE, MS_CHAP_RESPONSE, MS_CHAP2_RESPONSE)
)
_MALFORMED: Final = Refused(Reason.EAP_FAILED, detail="malformed inside the TTLS tunnel")


class TtlsMethod(TlsMethod):
    """After the handshake the peer says name and password, or its answer to a challenge that both ends derive."""

    kind = EapType.TTLS
    name: Method = "eap-ttls"

    def _established(self, data: bytes, find: Find) -> Granted | Refused | None:
        if data:
            return self._heard(data, find)
        verdict = self._resumed(find)
        if isinstance(verdict, Granted) and self._tunnel.version == "1.3":
            self._tunnel.write(COMMITMENT)  # RFC 9427 §4: nothing else inside the tunnel says that it is over
        return verdict

    def _acknowledged(self, find: Find) -> Granted | Refused | None:
        del find
        return Refused(Reason.EAP_FAILED, detail="the peer says nothing inside TTLS, and there is no session to resume")

    def _heard(self, data: bytes, find: Find) -> Granted | Refused | None:
        if not data:  # a TLS message of no consequence here, such as a renewed key
            return None
        pairs = avp.decode(data)
        if pairs is None:
            return _MALFORMED
        said: dict[int, bytes] = {}
        for key, value, must_be_understood in pairs:
            if key not in _UNDERSTOOD and must_be_understood:
                return Refused(Reason.NO_COMMON_METHOD, detail=f"the peer speaks attribute {key} inside TTLS")
            said.setdefault(key, value)
        name = said.get(USER_NAME, b"").rstrip(b"\0")
        if not 0 < len(name) <= MAX_VALUE_OCTETS:
            return _MALFORMED
        self.identity = name
        view = find(name)
        if (password := said.get(USER_PASSWORD)) is not None:
            return concluded(view, proof.clear_text(view, password.rstrip(b"\0")))
        if (answer := said.get(CHAP_PASSWORD)) is not None:
            challenge = self._challenge(_CHAP_CHALLENGE_OCTETS, said.get(CHAP_CHALLENGE), answer)
            return _MALFORMED if challenge is None else concluded(view, proof.chap(view, answer, challenge))
        if (answer := said.get(MS_CHAP2_RESPONSE)) is not None:
            challenge = self._challenge(_CHAP_CHALLENGE_OCTETS, said.get(MS_CHAP_CHALLENGE), answer)
            if challenge is None or len(answer) != 50:
                return _MALFORMED
            verdict = concluded(view, proof.mschap_v2(view, answer, challenge, name))
            if isinstance(verdict, Granted):  # RFC 5281 §11.2.4: the peer checks this, and acknowledges
                proved = mschap.success_v2(challenge, answer, name, verdict.view.nt_hash)
                self._tunnel.write(avp.encode(((MS_CHAP2_SUCCESS, proved),)))
            return verdict
        if (answer := said.get(MS_CHAP_RESPONSE)) is not None:
            challenge = self._challenge(_MSCHAP_CHALLENGE_OCTETS, said.get(MS_CHAP_CHALLENGE), answer)
            return _MALFORMED if challenge is None else concluded(view, proof.mschap_v1(view, answer, challenge))
        return Refused(Reason.NO_COMMON_METHOD, view, "neither PAP, CHAP, MS-CHAP nor MS-CHAPv2 inside TTLS")

    def _challenge(self, octets: int, said: bytes | None, answer: bytes) -> bytes | None:
        """Return the challenge that follows from the tunnel, if the peer has used it and its identifier (§11.2.2-4)."""
        derived = self._tunnel.export(_CHALLENGE_LABEL, octets + 1, None)
        if said is None or not compare_digest(said, derived[:octets]) or answer[:1] != derived[octets:]:
            return None
        return derived[:octets]
