"""A router as it leaves the box: what every one of them has."""

from typing import Final

from tests.routeros.menus import POLICIES
from tests.routeros.store import Item, Store

_READ: Final = "local,telnet,ssh,reboot,read,test,winbox,password,web,sniff,sensitive,api,romon,rest-api,!ftp,!write,!policy,!dude,!tikapp"
_SERVICES: Final = (
    ("telnet", 23), ("ftp", 21), ("www", 80), ("ssh", 22), ("www-ssl", 443), ("api", 8728), ("winbox", 8291), ("api-ssl", 8729),
)  # fmt: skip


def fill(store: Store, user: str, password: str) -> None:
    """Put in what is there from the beginning, and one user who may do everything."""
    groups = store["/user/group"]
    groups.add({"name": "read", "policy": _known(store, _READ)})
    groups.add({"name": "write", "policy": _known(store, _READ.replace("!write", "write"))})
    groups.add({"name": "full", "policy": _known(store, ",".join(POLICIES))})
    store["/user"].add({"name": user, "group": "full", "password": password})
    for name, port in _SERVICES:
        values = {"name": name, "port": str(port), "address": "", "disabled": "false", "certificate": "none"}
        if store.major >= 7:
            values |= {"max-sessions": "20", "vrf": "main", "proto": "tcp"}
        _put(store, "/ip/service", values)
    for name in ("ether1", "ether2"):
        _put(
            store,
            "/interface",
            {"name": name, "type": "ether", "running": "true", "disabled": "false", "rx-byte": "1", "tx-byte": "2"},
        )
    for path, names in (
        ("/ppp/profile", ("default", "default-encryption")),
        ("/ip/hotspot/profile", ("default",)),
        ("/ip/hotspot/user/profile", ("default",)),
        ("/snmp/community", ("public",)),
    ):
        for name in names:
            store[path].add({"name": name}).values["default"] = "true"
    for name in ("default", "default-small"):
        store["/queue/type"].add({"name": name, "kind": "pfifo", "pfifo-limit": "10"})
    _put(
        store, "/system/package", {"name": "routeros", "version": store.version.partition(" ")[0], "disabled": "false"}
    )


def _put(store: Store, path: str, values: dict[str, str]) -> None:
    table = store[path]
    table.items.append(Item(len(table.items) + 1, dict(values)))


def _known(store: Store, policies: str) -> str:
    return ",".join(word for word in policies.split(",") if store.major >= 7 or word.lstrip("!") != "rest-api")
