"""The menus of a router: which properties they have, in which version, and what is refused (manual, page of each)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from tests.routeros.values import (
    Kind,
    boolean,
    duration,
    host,
    list_address,
    list_address6,
    one_of,
    pair,
    port,
    priority,
    ranges,
    rate,
    target,
    whole,
    words_of,
)

POLICIES: Final = [
    "local",
    "telnet",
    "ssh",
    "ftp",
    "reboot",
    "read",
    "write",
    "policy",
    "test",
    "winbox",
    "password",
    "web",
    "sniff",
    "sensitive",
    "api",
    "romon",
    "rest-api",
    "dude",
    "tikapp",
]
SERVICES: Final = ("ppp", "login", "hotspot", "wireless", "dhcp", "ipsec", "dot1x")


@dataclass(frozen=True)
class Menu:
    """One menu.

    Attributes:
        settable: properties that can be set, with what they are unless set; `@6` or `@7` behind a name: that version's.
        shown: properties that can only be read.
        single: one thing that can be set, not a list.
        unique: no two entries agree in all of these.
        needed: what `add` must be told.
        kinds: what values a property takes.
        dynamic: its rows say whether they are dynamic.
        ordered: its entries have an order, and `add` and `move` a place.
        fixed: nothing can be added; what is there can be changed.
        secret: shown with the policy `sensitive` only.
        since: the major version it came with; `until` the last one that has it.
    """

    settable: str = ""
    shown: str = ""
    single: bool = False
    unique: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    dynamic: bool = False
    ordered: bool = False
    fixed: bool = False
    secret: tuple[str, ...] = ()
    since: int = 6
    until: int = 99

    def properties(self, major: int) -> dict[str, str | None]:
        """Return what can be set in this major version, with what it is unless set."""
        found: dict[str, str | None] = {}
        for word in self.settable.split():
            name, has_default, default = word.partition("=")
            name, _, version = name.partition("@")
            if not version or int(version) == major:
                found[name] = default if has_default else None
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """Return how an entry can be called besides its number."""
        return ("name",) if "name" in self.settable.replace("=", " ").split() else ()


def _policies(text: str) -> str:
    """Return a group's policies as they are printed: those it lacks with a mark of exclamation."""
    given = words_of(*POLICIES)(text).split(",")
    return ",".join(
        [*(word for word in given if word and word[0] != "!"), *(f"!{word}" for word in POLICIES if word not in given)]
    )


_SWITCHES: Final = {"disabled": boolean}
_RULE: Final = (
    "chain action=accept protocol src-address dst-address src-address-list dst-address-list src-port dst-port port "
    "in-interface out-interface in-interface-list out-interface-list connection-state connection-nat-state "
    "connection-mark packet-mark routing-mark hotspot layer7-protocol content limit tcp-flags icmp-options "
    "src-address-type dst-address-type src-mac-address hw-offload@7 jump-target reject-with address-list "
    "address-list-timeout to-addresses to-ports new-connection-mark new-packet-mark new-routing-mark passthrough "
    "tls-host log=false log-prefix= comment disabled=false"
)
_CHAINED: Final = Menu(
    _RULE, "bytes packets invalid", needed=("chain",), dynamic=True, ordered=True, kinds={**_SWITCHES, "log": boolean}
)

MENUS: Final[dict[str, Menu]] = {
    "/system/identity": Menu("name=MikroTik", single=True),
    "/system/resource": Menu(
        shown="uptime version build-time factory-software free-memory total-memory cpu cpu-count cpu-frequency cpu-load "
        "free-hdd-space total-hdd-space architecture-name board-name platform",
        single=True,
    ),
    "/system/clock": Menu(
        "time date time-zone-name=Asia/Jakarta time-zone-autodetect=true", "gmt-offset dst-active", single=True
    ),
    "/system/ntp/client": Menu(
        "enabled=false mode=unicast servers@7= vrf@7=main primary-ntp@6=0.0.0.0 secondary-ntp@6=0.0.0.0 server-dns-names@6=",
        "status freq-drift synced-server synced-stratum system-offset last-adjustment dynamic-servers",
        single=True,
        kinds={"enabled": boolean},
    ),
    "/system/ntp/client/servers": Menu(
        "address comment disabled=false", "resolved-address", needed=("address",), since=7, kinds=_SWITCHES, dynamic=True
    ),
    "/system/health": Menu(shown="name value type voltage temperature"),
    "/system/package": Menu("disabled=false", "name version build-time", fixed=True),
    "/system/script": Menu(
        "name policy source dont-require-permissions=false comment", "owner run-count", unique=("name",), needed=("name",)
    ),
    "/system/scheduler": Menu(
        "name start-date start-time interval=0s on-event policy comment disabled=false",
        "owner run-count next-run",
        unique=("name",),
        needed=("name",),
        kinds=_SWITCHES,
    ),
    "/user": Menu(
        "name password group=read address= inactivity-timeout=10m inactivity-policy@7=none comment disabled=false",
        "last-logged-in expired",
        unique=("name",),
        needed=("name", "group"),
        kinds=_SWITCHES,
        secret=("password",),
    ),
    "/user/group": Menu(
        "name policy= skin=default comment",
        unique=("name",),
        needed=("name",),
        kinds={"policy": _policies},
    ),
    "/user/aaa": Menu(
        "use-radius=false accounting=true interim-update=0s default-group=read exclude-groups=",
        single=True,
        kinds={"use-radius": boolean, "accounting": boolean},
    ),
    "/user/active": Menu(shown="name address via when radius group"),
    "/ip/service": Menu(
        "port address= certificate=none max-sessions@7=20 tls-version@7=any vrf@7=main disabled=false",
        "name proto invalid",
        fixed=True,
        kinds={**_SWITCHES, "port": port, "max-sessions": whole},
    ),
    "/ip/settings": Menu("ip-forward=true rp-filter=no tcp-syncookies=false allow-fast-path=true", "ipv4-fast-path-active", single=True),
    "/ipv6/settings": Menu("disable-ipv6@7=false forward=true accept-redirects accept-router-advertisements", single=True),
    "/ip/address": Menu(
        "address interface network comment disabled=false",
        "actual-interface invalid",
        needed=("address", "interface"),
        kinds=_SWITCHES,
        dynamic=True,
        unique=("address", "interface"),
    ),
    "/ipv6/address": Menu(
        "address interface advertise=true from-pool comment disabled=false", needed=("interface",), kinds=_SWITCHES, dynamic=True
    ),
    "/ip/route": Menu("dst-address gateway distance=1 comment disabled=false", "active", kinds=_SWITCHES, dynamic=True),
    "/ip/arp": Menu("address mac-address interface comment disabled=false", "complete", kinds=_SWITCHES, dynamic=True),
    "/ip/dns": Menu("servers= allow-remote-requests=false cache-size=2048KiB", "dynamic-servers cache-used", single=True),
    "/ip/dns/static": Menu("name regexp address ttl=1d comment disabled=false", kinds=_SWITCHES, dynamic=True),
    "/ip/pool": Menu(
        "name ranges next-pool=none comment",
        unique=("name",),
        needed=("name", "ranges"),
        kinds={"ranges": ranges},
    ),
    "/ip/pool/used": Menu(shown="pool address owner info"),
    "/ipv6/pool": Menu("name prefix prefix-length comment", unique=("name",), needed=("name", "prefix"), dynamic=True),
    "/ip/firewall/address-list": Menu(
        "list address timeout comment disabled=false",
        "creation-time",
        needed=("list", "address"),
        unique=("list", "address"),
        kinds={**_SWITCHES, "address": list_address, "timeout": duration},
        dynamic=True,
    ),
    "/ipv6/firewall/address-list": Menu(
        "list address timeout comment disabled=false",
        "creation-time",
        needed=("list", "address"),
        unique=("list", "address"),
        kinds={**_SWITCHES, "address": list_address6, "timeout": duration},
        dynamic=True,
    ),
    "/ip/firewall/filter": _CHAINED,
    "/ip/firewall/nat": _CHAINED,
    "/ip/firewall/mangle": _CHAINED,
    "/ip/firewall/raw": _CHAINED,
    "/ipv6/firewall/filter": _CHAINED,
    "/ipv6/firewall/mangle": _CHAINED,
    "/ipv6/firewall/raw": _CHAINED,
    "/ipv6/firewall/nat": replace(_CHAINED, since=7),
    "/ip/firewall/connection": Menu(
        shown="protocol src-address dst-address reply-src-address reply-dst-address tcp-state timeout connection-mark "
        "fasttrack assured seen-reply orig-bytes repl-bytes"
    ),
    "/ipv6/firewall/connection": Menu(shown="protocol src-address dst-address tcp-state timeout fasttrack"),
    "/ip/dhcp-server": Menu(
        "name interface address-pool=static-only lease-time=30m use-radius=no dhcp-option-set authoritative=yes "
        "lease-script add-arp comment disabled=false",
        "invalid",
        unique=("name",),
        needed=("interface",),
        kinds=_SWITCHES,
        dynamic=True,
    ),
    "/ip/dhcp-server/config": Menu("store-leases-disk=5m interim-update=0s accounting=yes radius-password=empty", single=True),
    "/ip/dhcp-server/network": Menu(
        "address gateway netmask dns-server ntp-server domain dhcp-option dhcp-option-set comment",
        needed=("address",),
        unique=("address",),
        dynamic=True,
    ),
    "/ip/dhcp-server/option": Menu("name code value force=no comment", "raw-value", unique=("name",), needed=("name", "code"), kinds={"code": whole}),
    "/ip/dhcp-server/option/sets": Menu("name options comment", unique=("name",), needed=("name",)),
    "/ip/dhcp-server/lease": Menu(
        "address mac-address client-id server=all rate-limit block-access=false lease-time address-lists= comment disabled=false",
        "status expires-after last-seen age active-address active-mac-address active-client-id active-server host-name "
        "class-id src-mac-address radius blocked agent-circuit-id agent-remote-id",
        kinds={**_SWITCHES, "block-access": boolean},
        dynamic=True,
    ),
    "/ipv6/dhcp-server": Menu("name interface address-pool lease-time=3d use-radius=no dhcp-option comment disabled=false", dynamic=True, kinds=_SWITCHES),
    "/ipv6/dhcp-server/option": Menu("name code value comment", "raw-value", unique=("name",), needed=("name", "code")),
    "/ipv6/nd": Menu("interface dns captive-portal@7 managed-address-configuration=false other-configuration=false comment disabled=false", dynamic=True, kinds=_SWITCHES),
    "/ip/hotspot": Menu(
        "name interface address-pool=none profile=default idle-timeout=5m keepalive-timeout=none addresses-per-mac=2 comment disabled=false",
        "https proxy-status invalid",
        unique=("name",),
        needed=("interface",),
        kinds=_SWITCHES,
        dynamic=True,
    ),
    "/ip/hotspot/profile": Menu(
        "name hotspot-address=0.0.0.0 dns-name= html-directory=hotspot rate-limit= http-proxy=0.0.0.0:0 smtp-server=0.0.0.0 "
        "login-by=cookie,http-chap http-cookie-lifetime=3d split-user-domain=false use-radius=false radius-accounting=true "
        "radius-interim-update=received radius-default-domain= radius-location-id= radius-location-name= radius-mac-format=XX:XX:XX:XX:XX:XX "
        "nas-port-type=wireless-802.11 mac-auth-mode mac-auth-password ssl-certificate comment",
        "default",
        unique=("name",),
        needed=("name",),
        kinds={"use-radius": boolean, "radius-accounting": boolean, "split-user-domain": boolean, "radius-interim-update": duration},
    ),
    "/ip/hotspot/active": Menu(
        shown="server user domain address mac-address login-by uptime session-time-left idle-time idle-timeout "
        "keepalive-timeout bytes-in bytes-out packets-in packets-out limit-bytes-in limit-bytes-out limit-bytes-total radius blocked"
    ),
    "/ip/hotspot/host": Menu(shown="mac-address address to-address server uptime authorized bypassed", dynamic=True),
    "/ip/hotspot/cookie": Menu(shown="user domain mac-address expires-in mac-cookie"),
    "/ip/hotspot/ip-binding": Menu(
        "mac-address address to-address server=all type=regular comment disabled=false",
        kinds={**_SWITCHES, "type": one_of("regular", "bypassed", "blocked")},
    ),
    "/ip/hotspot/user": Menu(
        "server=all name password address mac-address profile=default routes= email= limit-uptime limit-bytes-in "
        "limit-bytes-out limit-bytes-total comment disabled=false",
        "uptime bytes-in bytes-out packets-in packets-out",
        unique=("name",),
        kinds=_SWITCHES,
        dynamic=True,
        secret=("password",),
    ),
    "/ip/hotspot/user/profile": Menu(
        "name address-pool=none session-timeout idle-timeout=none keepalive-timeout=2m status-autorefresh=1m shared-users=1 "
        "rate-limit= address-list= add-mac-cookie=true mac-cookie-timeout=3d transparent-proxy=false open-status-page on-login= on-logout= parent-queue@7=none comment",
        "default",
        unique=("name",),
        needed=("name",),
    ),
    "/ip/hotspot/walled-garden": Menu(
        "action=allow server dst-host dst-port method path src-address dst-address comment disabled=false",
        "hits",
        kinds={**_SWITCHES, "action": one_of("allow", "deny")},
        dynamic=True,
        ordered=True,
    ),
    "/ip/hotspot/walled-garden/ip": Menu(
        "action=accept server protocol dst-host dst-port dst-address src-address dst-address-list src-address-list comment disabled=false",
        kinds={**_SWITCHES, "action": one_of("accept", "drop", "reject")},
        dynamic=True,
        ordered=True,
    ),
    "/ip/proxy": Menu("enabled=false port=8080 src-address=0.0.0.0 anonymous=no cache-on-disk=no max-cache-size=none", single=True),
    "/ip/proxy/access": Menu("action=allow src-address dst-address dst-host dst-port redirect-to action-data@7 path method comment disabled=false", ordered=True, kinds=_SWITCHES),
    "/interface/wireless/registration-table": Menu(
        shown="mac-address interface signal-strength signal-to-noise tx-ccq tx-rate rx-rate uptime last-activity", until=6
    ),
    "/interface/wifi/registration-table": Menu(shown="mac-address interface ssid signal tx-rate rx-rate uptime", since=7),
    "/ppp/active": Menu(
        shown="name service caller-id address uptime encoding session-id limit-bytes-in limit-bytes-out radius"
    ),
    "/ppp/aaa": Menu(
        "use-radius=false accounting=true interim-update=0s use-circuit-id-in-nas-port-id=false enable-ipv6-accounting@7=false",
        single=True,
        kinds={"use-radius": boolean, "accounting": boolean, "interim-update": duration},
    ),
    "/ppp/secret": Menu(
        "name password= service=any caller-id= profile=default local-address remote-address routes= ipv6-routes= "
        "remote-ipv6-prefix limit-bytes-in=0 limit-bytes-out=0 comment disabled=false",
        "last-logged-out last-caller-id last-disconnect-reason",
        unique=("name", "service"),
        needed=("name",),
        kinds={**_SWITCHES, "service": one_of("any", "async", "pptp", "pppoe", "l2tp", "ovpn", "sstp")},
        secret=("password",),
    ),
    "/ppp/profile": Menu(
        "name local-address remote-address bridge rate-limit address-list= only-one=default change-tcp-mss=default "
        "use-upnp=default use-mpls=default use-compression=default use-encryption=default use-ipv6=yes dns-server wins-server "
        "session-timeout idle-timeout interface-list insert-queue-before parent-queue queue-type on-up= on-down= "
        "remote-ipv6-prefix-pool dhcpv6-pd-pool dhcpv6-use-radius@7 incoming-filter outgoing-filter comment",
        "default",
        unique=("name",),
        needed=("name",),
    ),
    "/interface": Menu(
        "name mtu comment disabled=false",
        "type running rx-byte tx-byte rx-packet tx-packet rx-drop tx-drop rx-error tx-error link-downs last-link-up-time "
        "mac-address fp-rx-byte fp-tx-byte",
        kinds=_SWITCHES,
        dynamic=True,
        fixed=True,
    ),
    "/interface/list": Menu("name include= exclude= comment", unique=("name",), needed=("name",), dynamic=True),
    "/interface/list/member": Menu("list interface comment disabled=false", needed=("list", "interface"), kinds=_SWITCHES, dynamic=True),
    "/interface/pppoe-server/server": Menu(
        "service-name interface authentication=pap,chap,mschap1,mschap2 default-profile=default one-session-per-host=false "
        "max-mtu=auto max-mru=auto mrru=disabled keepalive-timeout=10 max-sessions=unlimited pado-delay=0 comment disabled=false",
        "invalid",
        needed=("interface",),
        kinds=_SWITCHES,
    ),
    "/radius": Menu(
        "service= called-id= domain= address=0.0.0.0 protocol@7=udp secret= authentication-port=1812 accounting-port=1813 "
        "timeout=300ms accounting-backup=false realm= src-address=0.0.0.0 certificate@7=none "
        "require-message-auth@7=yes-for-request-resp comment disabled=false",
        kinds={
            **_SWITCHES,
            "service": words_of(*SERVICES),
            "authentication-port": port,
            "accounting-port": port,
            "accounting-backup": boolean,
            "src-address": host,
            "timeout": duration,
            "require-message-auth": one_of("no", "yes-for-request-resp"),
        },
        ordered=True,
        secret=("secret",),
    ),
    "/radius/incoming": Menu("accept=false port=3799 vrf@7=main", single=True, kinds={"accept": boolean, "port": port}),
    "/snmp": Menu(
        "enabled=false contact= location= engine-id= engine-id-suffix@7= trap-community=public trap-version=1 trap-target= "
        "trap-generators= trap-interfaces= src-address=:: vrf@7=main",
        single=True,
        kinds={"enabled": boolean},
    ),
    "/snmp/community": Menu(
        "name addresses=::/0 security=none read-access=true write-access=false authentication-protocol=MD5 "
        "encryption-protocol=DES authentication-password= encryption-password= comment disabled@7=false",
        "default",
        unique=("name",),
        needed=("name",),
        kinds={"read-access": boolean, "write-access": boolean},
        secret=("authentication-password", "encryption-password"),
    ),
    "/queue/simple": Menu(
        "name target= dst parent=none packet-marks= priority=8/8 queue=default-small/default-small limit-at=0/0 max-limit=0/0 "
        "burst-limit=0/0 burst-threshold=0/0 burst-time=0s/0s bucket-size=0.1/0.1 total-queue total-limit-at total-max-limit "
        "total-burst-limit total-burst-threshold total-burst-time total-priority time comment disabled=false",
        "bytes total-bytes packets total-packets dropped total-dropped rate total-rate packet-rate total-packet-rate "
        "queued-bytes total-queued-bytes queued-packets total-queued-packets invalid",
        unique=("name",),
        kinds={
            **_SWITCHES,
            "target": target,
            "priority": pair(priority),
            **dict.fromkeys(("limit-at", "max-limit", "burst-limit", "burst-threshold"), pair(rate)),
            "burst-time": pair(duration),
        },
        dynamic=True,
        ordered=True,
    ),
    "/queue/tree": Menu("name parent packet-mark limit-at=0 max-limit=0 priority=8 queue=default-small comment disabled=false", "bytes", unique=("name",), kinds=_SWITCHES, ordered=True),
    "/queue/type": Menu("name kind pfifo-limit pcq-rate pcq-classifier comment", "default", unique=("name",), needed=("name", "kind")),
    "/log": Menu(shown="time topics message"),
    "/certificate": Menu("name common-name days-valid key-size trusted comment", "fingerprint private-key expired", unique=("name",)),
}  # fmt: skip
