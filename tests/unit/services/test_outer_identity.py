"""The name outside a tunnel is what a NAS accounts for: it may be nobody's or the same, never somebody else's."""

from uuid import UUID

import pytest

from netbilld.radius.access import Decision, Reason
from netbilld.radius.attributes import EAP_MESSAGE, USER_NAME
from netbilld.radius.codes import Code
from netbilld.radius.eap import EapOutcome, Find
from netbilld.radius.server import Request
from netbilld.services.authenticate import Authenticate
from tests.builders.log_in_desk import Desk, attributes, credential, facts
from tests.builders.services import NOW
from tests.radius_requests import NAS, accepted, access_request

SITI = UUID(int=8)


class InnerBudi:
    """An EAP server at the end of a conversation in which budi has proved himself."""

    def handle(self, _request: Request, find: Find, _find_certified: Find) -> EapOutcome:
        granted = Decision(int(Code.ACCESS_ACCEPT), b"", Reason.OK, "eap-peap")
        return EapOutcome(granted, find(b"budi"), b"budi")

    def take_left(self) -> list[object]:
        return []


@pytest.mark.parametrize(
    ("outer", "code"),
    [
        (b"budi", Code.ACCESS_ACCEPT),
        (b"BUDI@isp.example", Code.ACCESS_ACCEPT),
        (b"anonymous@isp.example", Code.ACCESS_ACCEPT),
        (b"", Code.ACCESS_ACCEPT),
        (b"siti", Code.ACCESS_REJECT),
        (b"ISP\\siti", Code.ACCESS_REJECT),
    ],
)
def test_nobody_comes_in_under_a_neighbour_s_name(outer: bytes, code: Code) -> None:
    desk = Desk()
    desk.serve(facts(), credential("budi"))
    desk.serve(facts(SITI), credential("siti"))
    authenticate = Authenticate(desk.directory, desk.attempts, bytes, lambda: 0.0, eap=InnerBudi())  # type: ignore[arg-type]  # as much of one as is asked
    request = accepted(access_request([(USER_NAME, outer), (EAP_MESSAGE, b"\2\x2a\0\x06\x19\0"), NAS]))
    decision = authenticate.handle(request, NOW, lambda _late: None)
    assert decision is not None
    assert decision.code == code
    if code == Code.ACCESS_REJECT:
        assert decision.reason == Reason.EAP_FAILED
        assert attributes(decision).get(EAP_MESSAGE) == b"\4\x2a\0\4"
        assert desk.attempts.take(1)[0].detail
