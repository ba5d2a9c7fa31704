"""NAS that share an address, as routers behind NAT do: told apart by NAS-Identifier, with one secret for all."""

from collections.abc import Iterator, Sequence
from hmac import compare_digest
from typing import Protocol

from netbilld.model.api_address import ApiAddress, parse_api_address
from netbilld.model.errors import RefusedError
from netbilld.model.nas import Nas, api_url_place, secret_place, shares_order_port
from netbilld.services.new_service import Sealer
from netbilld.services.poll_devices import is_polled


class Opener(Sealer, Protocol):
    """What encrypts and decrypts a secret in its place."""

    def open(self, sealed: bytes, place: str) -> bytes: ...


def refuse_neighbours(nas: Nas, others: Sequence[Nas], box: Opener) -> None:
    """Refuse a NAS that could not be told from others with its address, or whose API is said to be another's.

    Raises:
        RefusedError: one of them has no identifier or the same one, another secret, or the same API.
    """
    for other in others:
        if not nas.told_by:
            raise RefusedError(
                f"NAS {other.name!r} has the address {other.address} already",
                hint=f"change that one with `netbilld nas set {other.name} …`; several routers behind one address are "
                "told apart by --identifier, what each says as NAS-Identifier",
                code="address_taken",
            )
        if not other.told_by:
            said = other.identifier or "…"
            raise RefusedError(
                f"NAS {other.name!r} has the address {other.address} too, and no identifier to be told by",
                hint=f"first `netbilld nas set {other.name} --identifier {said}`",
                code="address_taken",
            )
        if other.told_by == nas.told_by:
            raise RefusedError(
                f"NAS {other.name!r} has the address {other.address} and the identifier {nas.told_by!r} already",
                hint="give each router behind one address a name of its own: `/system identity set name=…` on it",
                code="address_taken",
            )
        if not compare_digest(secret_of(nas, box), secret_of(other, box)):
            raise RefusedError(
                f"NAS {other.name!r} has the address {other.address} too, and another secret",
                hint="leave the secret out to take that one; all routers behind one address have one",
                code="secret_differs",
            )
        if (api := _api_of(nas, box)) is not None and _place(api) == _place(_api_of(other, box)):
            raise RefusedError(
                f"the API at {api.host}:{api.port} is that of NAS {other.name!r}",
                hint="forward a port of its own to each router behind one address",
                code="api_taken",
            )


def neighbour_warnings(nas: Nas, others: Sequence[Nas]) -> Iterator[str]:
    """Yield what can't work for a NAS that shares its address with others."""
    sharing = [other for other in others if shares_order_port(nas, [other])]
    if sharing:
        yield (
            f"orders can't reach it by RADIUS: NAS {sharing[0].name} has the same address and CoA port; forward a port "
            "of its own to each and set --coa-port, or name its --api-url"
        )
    if is_polled(nas) and nas.snmp_address is None:
        asked = [other for other in others if other.snmp_address is None and other.snmp_port == nas.snmp_port]
        if asked:
            yield f"SNMP at its address and port may be answered by NAS {asked[0].name}: set --snmp-port"


def secret_of(nas: Nas, box: Opener) -> bytes:
    """Return the RADIUS secret of a NAS."""
    return box.open(nas.secret_sealed, secret_place(nas.id))


def _api_of(nas: Nas, box: Opener) -> ApiAddress | None:
    if nas.api_url_sealed is None:
        return None
    return parse_api_address(box.open(nas.api_url_sealed, api_url_place(nas.id)).decode())


def _place(api: ApiAddress | None) -> tuple[str, int] | None:
    return None if api is None else (api.host, api.port)
