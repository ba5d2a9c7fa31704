"""What a script for a NAS is written from: plain values."""

from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Final, Literal

from netbilld.enforcement.vendors.interface import Wall
from netbilld.model.snmp import SnmpUser

Routeros = Literal[6, 7]
SERVICES: Final = ("ppp", "hotspot", "dhcp")
# RouterOS's own names of what we make on it, by which it is found again.
PORTAL_LIST: Final = "netbilld-portal"
SUBSCRIBERS_LIST: Final = "netbilld-subscribers"
WALLED_CHAIN: Final = "netbilld-walled"
PORTAL_OPTION: Final = "netbilld-portal"
API_USER: Final = "netbilld"
API_POLICIES: Final = ("read", "write", "api")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptFacts:
    """One NAS, and what it is to be set to.

    Attributes:
        server: our address as the NAS reaches it.
        source: the address that the NAS's packets must come from; None where that is not one of its own, as behind NAT,
            or may be any of a network.
        told_by: the NAS-Identifier that tells it from others with its address; empty where it is alone there.
        secret: the RADIUS secret; None where secrets are not to be shown.
        services: what asks RADIUS on it, of SERVICES.
        walled_network: where the addresses of the walled pool are from; its first is left for a gateway.
        portal_host: the host name of the portal, where it has one of its own.
        capport_url: the captive portal API, https; None where the portal has no such address.
        subscribers: prefixes that its subscribers have.
        api_user, api_port, api_is_tls: as its API address says; the defaults where it has none.
        api_password: None where it is not set, or not to be shown.
        has_api: its API address is set.
        snmp_community, snmp_user: None where not set, or not to be shown.
        has_snmp: SNMP is set.
        has_lines: static subscribers are held by queues of it; blocked_list is where those are who get nothing.
        allowed: further hosts that who is walled may reach.
    """

    nas: str
    vendor: str
    server: str
    source: str | None
    told_by: str = ""
    secret: str | None = field(default=None, repr=False)
    routeros: Routeros = 7
    services: tuple[str, ...] = ("ppp", "hotspot")
    auth_port: int = 1812
    acct_port: int = 1813
    coa_port: int = 3799
    interim_seconds: int = 300
    wall: Wall = Wall.POOL_AND_LIST
    hotspot_wall: Wall = Wall.REJECT
    walled_pool: str = "isolir"
    walled_list: str = "isolir"
    walled_network: str = "100.127.0.0/16"
    covers_ipv6: bool = False
    portal_port: int = 8081
    portal_host: str | None = None
    capport_url: str | None = None
    subscribers: tuple[str, ...] = ()
    api_user: str = API_USER
    api_password: str | None = field(default=None, repr=False)
    api_port: int = 8728
    api_is_tls: bool = False
    has_api: bool = False
    snmp_community: str | None = field(default=None, repr=False)
    snmp_user: SnmpUser | None = field(default=None, repr=False)
    has_snmp: bool = False
    has_lines: bool = False
    blocked_list: str = "blocked"
    ntp: str = "id.pool.ntp.org"
    allowed: tuple[str, ...] = ()

    @property
    def walls(self) -> frozenset[Wall]:
        """Return the ways in which it holds who is walled."""
        return frozenset((self.wall, self.hotspot_wall))

    @property
    def walled_range(self) -> str:
        """Return the addresses of the walled pool, from the first to the last."""
        network = ip_network(self.walled_network)
        return f"{network[2]}-{network[-2]}"

    @property
    def has_walled_pool(self) -> bool:
        return bool(self.walls & {Wall.POOL, Wall.POOL_AND_LIST})

    @property
    def has_walled_list(self) -> bool:
        return self.has_lines or bool(self.walls & {Wall.LIST, Wall.POOL_AND_LIST})

    @property
    def walls_by_pool_alone(self) -> bool:
        """Tell whether sessions are walled by their pool and on no list."""
        return self.has_walled_pool and not self.walls & {Wall.LIST, Wall.POOL_AND_LIST}
