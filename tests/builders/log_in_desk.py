"""A desk at which services are known and names log in, without a database: what stands behind the RADIUS server."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from netbilld.billing.plan import AfterAllowance, Closing, Speed
from netbilld.enforcement.policy import ServiceFacts
from netbilld.enforcement.profile import WalledGarden
from netbilld.radius.access import CredentialKind, Decision
from netbilld.radius.attributes import USER_NAME, USER_PASSWORD
from netbilld.radius.mschap import nt_hash
from netbilld.radius.packet import Packet, decode, encode
from netbilld.radius.passwords import hide_password
from netbilld.radius.server import Request
from netbilld.radius.values import lookup_key
from netbilld.services.access_directory import AccessDirectory, OpenedCredential
from netbilld.services.attempt_buffer import AttemptBuffer
from netbilld.services.authenticate import Authenticate
from tests.builders.plans import allowance, plan
from tests.builders.services import GARDEN, NOW, SERVICE_ID, service_facts
from tests.radius_requests import AUTHENTICATOR, SECRET, accepted, access_request, client

# slow after 100 octets; a wall for who owes, a refusal for who is suspended
HOME: Final = plan(
    speed=Speed(20_000_000, 5_000_000),
    allowance=allowance(AfterAllowance.THROTTLE, 100),
    when_suspended=Closing.BLOCK,
)


def facts(service_id: UUID = SERVICE_ID, **changes: Any) -> ServiceFacts:
    """Return a service of that plan that owes nothing and has used nothing, but for `changes`."""
    return service_facts(**{"service_id": service_id, "plan": HOME, **changes})


def credential(name: str = "Budi", password: bytes = b"rahasia", kind: CredentialKind = "password") -> OpenedCredential:
    return OpenedCredential(lookup_key(name.encode()), name, kind, password, nt_hash(password) if password else b"")


def request(name: bytes, password: bytes, vendor: str = "mikrotik") -> Request:
    hidden = hide_password(password, SECRET, AUTHENTICATOR)
    return accepted(access_request([(USER_NAME, name), (USER_PASSWORD, hidden)]), client(vendor=vendor))


def attributes(decision: Decision) -> Packet:
    """Return what a NAS reads out of the reply."""
    return decode(encode(decision.code, 1, AUTHENTICATOR, decision.attributes))


class Desk:
    def __init__(self, locale: str = "id", garden: WalledGarden = GARDEN) -> None:
        self.garden = garden
        self.directory = AccessDirectory(garden, 300, locale)
        self.attempts = AttemptBuffer()
        self.late: list[Decision] = []
        self.authenticate = Authenticate(self.directory, self.attempts, bytes, lambda: 0.000_25)

    def put(self, what: ServiceFacts, at: datetime = NOW) -> None:
        self.directory.put(what, at)

    def serve(self, what: ServiceFacts, *credentials: OpenedCredential) -> None:
        self.put(what)
        self.directory.set_credentials(what.service_id, credentials or (credential(),))

    def ask(self, asked: Request, at: datetime = NOW) -> Decision:
        decision = self.authenticate.handle(asked, at, self.late.append)
        assert decision is not None
        return decision

    def log_in(
        self, name: bytes = b"budi", password: bytes = b"rahasia", *, at: datetime = NOW, vendor: str = "mikrotik"
    ) -> Decision:
        return self.ask(request(name, password, vendor), at)
