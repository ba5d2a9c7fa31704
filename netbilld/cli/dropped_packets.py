"""What a running daemon tells of the packets it dropped, and what an operator does about it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from netbilld.cli.checks import Check
from netbilld.daemon.control import call

RECENT: Final = timedelta(hours=1)

_DOWNGRADED: Final = (
    "sends requests without Message-Authenticator although it has sent it before; they are refused",
    (
        "set `require-message-auth` on the router; after going back to an older system: "
        "`netbilld nas set {nas} --forget-message-authenticator`"
    ),
)
_FAULTS: Final = {
    "message_authenticator_missing": _DOWNGRADED,
    "proxy_state_without_message_authenticator": (
        "sends proxied requests without Message-Authenticator; they are refused (CVE-2024-3596)",
        "have the proxy sign its requests",
    ),
    "bad_message_authenticator": (
        "sends requests signed with another secret, or changed on their way",
        "make the shared secret the same on both sides: `netbilld nas set {nas} --secret-stdin`",
    ),
    "bad_authenticator": (
        "sends accounting signed with another secret",
        "make the shared secret the same on both sides: `netbilld nas set {nas} --secret-stdin`",
    ),
}


_CALLED: Final = (
    "several NAS have the address {source}, and packets from it call themselves {called}, which tells none of them "
    "({count} packets)"
)
_CALL: Final = (
    "`netbilld nas add NAME {source} --identifier …`, or after a router was renamed `netbilld nas set NAME "
    "--identifier …`"
)


async def dropped_packets(data_dir: Path, nas: str | None) -> list[dict[str, Any]] | None:
    """Return a line for each source, port and reason, the newest first; None where no daemon runs.

    With `nas` only its packets; without, those of every NAS and of strangers.
    """
    told = await call(data_dir, {"verb": "drops", "names": [], "nas": nas}, timeout_seconds=2)
    if told is None or not told.get("ok"):
        return None
    return [line for line in told["sources"] if nas is None or line["nas"] == nas]


def check_dropped(lines: list[dict[str, Any]] | None, now: datetime) -> Iterator[Check]:
    """Yield what NAS send that is refused, as far as it is recent and theirs to mend."""
    if lines is None:
        return
    faults = [
        line
        for line in lines
        if line["reason"] in _FAULTS and line["nas"] and now - datetime.fromisoformat(line["last_at"]) < RECENT
    ]
    strangers = [
        line
        for line in lines
        if line["reason"] == "unknown_identifier" and now - datetime.fromisoformat(line["last_at"]) < RECENT
    ]
    for line in strangers:
        called = repr(line.get("detail")) if line.get("detail") else "nothing"
        said = _CALLED.format(source=line["source"], called=called, count=line["count"])
        yield Check("radius", "warn", said, _CALL.format(source=line["source"]))
    for line in faults:
        fault, advice = _FAULTS[line["reason"]]
        yield Check(
            "radius", "warn", f"NAS {line['nas']} {fault} ({line['count']} packets)", advice.format(nas=line["nas"])
        )
    if not faults and not strangers:
        yield Check("radius", "ok", "no NAS sends what has to be refused")
