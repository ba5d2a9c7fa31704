"""EAP-TLS: the client's certificate is the credential (RFC 5216, RFC 9190)."""

from netbilld.radius.access import AccessView, Method, Reason
from netbilld.radius.eap.packet import EapType
from netbilld.radius.eap.steps import Find, Granted, Refused, concluded
from netbilld.radius.eap.tls_method import TlsMethod
from netbilld.radius.values import lookup_key

# RFC 9190 §2.5: sent inside the tunnel, says that the server is content and will not ask for anything more.
COMMITMENT = b"\0"


class EapTlsMethod(TlsMethod):
    """The handshake decides; the subscriber is looked up by a name in the certificate."""

    kind = EapType.TLS
    name: Method = "eap-tls"
    _with_certificate = True

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

    def _heard(self, data: bytes, find: Find) -> Granted | Refused | None:
        del data, find
        return Refused(Reason.EAP_FAILED, detail="the peer speaks inside EAP-TLS")

    def _acknowledged(self, find: Find) -> Granted | Refused | None:
        del find
        return Refused(Reason.EAP_FAILED, detail="an acknowledgement of nothing")
