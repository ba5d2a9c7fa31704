"""EAP-TLS: the client's certificate is the credential (RFC 5216, RFC 9190)."""

from collections.abc import Callable

from netbilld.radius.access import AccessView, Method, Reason
from netbilld.radius.certificate_use import CertificateUse
from netbilld.radius.eap.packet import EapType
from netbilld.radius.eap.resumption import Resumption
from netbilld.radius.eap.steps import Find, Granted, Refused, concluded
from netbilld.radius.eap.tls_method import TlsMethod
from netbilld.radius.eap.tunnel import PeerCertificate, TlsEngine
from netbilld.radius.values import lookup_key

# RFC 9190 §2.5: sent inside the tunnel, says that the server is content and will not ask for anything more.
COMMITMENT = b"\0"


class EapTlsMethod(TlsMethod):
    """The handshake decides; the subscriber is looked up by a name in the certificate."""

    kind = EapType.TLS
    name: Method = "eap-tls"
    _with_certificate = True

    def __init__(
        self,
        identity: bytes,
        engine: TlsEngine,
        resumption: Resumption,
        room_octets: int,
        now_mono: float,
        *,
        is_nas: Callable[[str], bool],
    ) -> None:
        """Begin; `is_nas` tells whether a NAS has a name."""
        super().__init__(identity, engine, resumption, room_octets, now_mono)
        self._is_nas = is_nas

    def _established(self, data: bytes, find: Find) -> Granted | Refused | None:
        del data
        verdict = self._whose(find)
        if isinstance(verdict, Granted) and self._tunnel.version == "1.3":
            self._tunnel.write(COMMITMENT)
        return verdict

    def _whose(self, find: Find) -> Granted | Refused:
        peer = self._tunnel.peer
        if peer is None or not peer.names:
            return Refused(Reason.CERTIFICATE_REFUSED, detail="the certificate has no name")
        names = list(peer.names)
        if (why := self._why_not_for_eap(peer)) is not None:
            self.identity = names[0]
            return Refused(Reason.CERTIFICATE_REFUSED, detail=why)
        # Only names in the certificate count: an identity by itself is a mere claim (RFC 5216 §5.2).
        claimed = lookup_key(self.identity.removeprefix(b"host/"))
        names.sort(key=lambda name: lookup_key(name) != claimed)
        view: AccessView | None = None
        for name in names:
            view = find(name)
            if view is not None:
                self.identity = name
                return concluded(view, Reason.OK)
        said = ", ".join(name.decode("utf-8", "replace") for name in names[:3])
        return Refused(Reason.UNKNOWN_USER, detail=f"no credential has a name of the certificate: {said}")

    def _why_not_for_eap(self, peer: PeerCertificate) -> str | None:
        """Return why the certificate is a NAS's, or may be one's; None if it is a subscriber's."""
        if peer.use is CertificateUse.RADSEC:
            return "the certificate is a NAS's: it says OU=RadSec"
        if peer.use is CertificateUse.EAP:
            return None
        for name in peer.names:
            said = name.decode("utf-8", "replace")
            if self._is_nas(said):
                return f"a NAS has the name {said} too, and the certificate doesn't say whose it is: issue it for EAP"
        return None

    def _heard(self, data: bytes, find: Find) -> Granted | Refused | None:
        del data, find
        return Refused(Reason.EAP_FAILED, detail="the peer speaks inside EAP-TLS")

    def _acknowledged(self, find: Find) -> Granted | Refused | None:
        del find
        return Refused(Reason.EAP_FAILED, detail="an acknowledgement of nothing")
