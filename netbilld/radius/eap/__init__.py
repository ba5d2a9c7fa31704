"""EAP over RADIUS, the server's side: MD5, TLS, TTLS and PEAP. Bytes and `now` in, bytes out; TLS is handed in."""

from netbilld.radius.eap.server import METHODS, EapOutcome, EapServer, Left, failure_for
from netbilld.radius.eap.steps import Find

__all__ = ["METHODS", "EapOutcome", "EapServer", "Find", "Left", "failure_for"]
