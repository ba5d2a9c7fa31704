"""An Access-Accept turned into an Access-Reject: the credentials were right, and the log-in may not be all the same."""

from netbilld.radius import mschap
from netbilld.radius.access import Decision
from netbilld.radius.attributes import EAP_MESSAGE, MS_CHAP2_RESPONSE, MS_CHAP_ERROR, MS_CHAP_RESPONSE, REPLY_MESSAGE
from netbilld.radius.codes import Code
from netbilld.radius.packet import MAX_VALUE_OCTETS, encode_attribute
from netbilld.radius.server import Request

_NOT_ALLOWED = 649  # ERROR_NO_DIALIN_PERMISSION (RFC 2759 §6): the peer is not asked for another password


def refused(
    request: Request, decision: Decision, reason: str, entropy: bytes, message: bytes = b"", detail: str | None = None
) -> Decision:
    """Return a Reject in place of `decision`, in the form its method wants (RFC 2759 §6, RFC 3579 §2.6.3).

    Args:
        request: what was asked.
        decision: the Accept, whose method stays.
        reason: for the log.
        entropy: at least 16 fresh octets, for the challenge in MS-CHAP-Error.
        message: Reply-Message in UTF-8; empty for none.
        detail: what a person should know beside the reason.
    """
    attributes = request.packet.attributes
    said = b""
    if EAP_MESSAGE in attributes:
        said = encode_attribute(EAP_MESSAGE, b"\4" + attributes[EAP_MESSAGE][1:2] + b"\0\4")  # Failure, RFC 3748 §4.2
    elif decision.method == "mschapv2":
        identifier = attributes[MS_CHAP2_RESPONSE][0]
        said = encode_attribute(MS_CHAP_ERROR, mschap.error(identifier, entropy[:16], 3, _NOT_ALLOWED))
    elif decision.method == "mschap":
        identifier = attributes[MS_CHAP_RESPONSE][0]
        said = encode_attribute(MS_CHAP_ERROR, mschap.error(identifier, entropy[:8], 2, _NOT_ALLOWED))
    if message:
        fitting = message[:MAX_VALUE_OCTETS].decode("utf-8", "ignore").encode()
        said += encode_attribute(REPLY_MESSAGE, fitting)
    return Decision(int(Code.ACCESS_REJECT), said, reason, decision.method, detail)
