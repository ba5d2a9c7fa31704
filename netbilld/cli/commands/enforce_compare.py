"""`netbilld enforce compare NAME`: what a router does with its sessions, beside what they are due."""

import secrets
import time

from netbilld.cli.context import Context
from netbilld.cli.output import note, print_json, print_table
from netbilld.model.api_address import parse_api_address
from netbilld.model.errors import RefusedError
from netbilld.model.nas import Nas, api_url_place
from netbilld.ports.ask_nas import Presence
from netbilld.services.compare_sessions import Compared, compare, mark_of
from netbilld.services.manage_nas import unknown_nas
from netbilld.services.order_book import SessionToCheck


async def compare_nas(name: str, context: Context) -> bool:
    """Compare a NAS's open sessions with what is due, print what differs, and tell whether nothing does.

    Raises:
        NotFoundError: there is no such NAS.
        RefusedError: it has no API that we speak, or can't be asked.
    """
    async with context.database() as database, database.read() as work:
        nas = await work.nas.by_name(name)
        if nas is None:
            raise unknown_nas(name)
        session_ids = await work.enforcement.open_ids_on(nas.id)
        sessions = await work.enforcement.sessions_of((), session_ids)
    told = await _looked_at(nas, context, [session for session in sessions if session.desired is not None])
    told.sort(key=lambda one: (one.session.username, one.session.session_id))
    differing = [one for one in told if _kind(one) in {"differs", "gone"}]
    counted = {kind: sum(_kind(one) == kind for one in told) for kind in ("agrees", "differs", "gone", "unknown")}
    if context.json_wanted:
        document = {
            "nas": nas.name,
            "sessions": len(told),
            **counted,
            "differences": [_line(one) for one in told if _kind(one) != "agrees"],
        }
        print_json(document, context.settings.timezone)
    else:
        shown = [_line(one) for one in told if _kind(one) != "agrees"]
        if shown:
            columns = ("username", "address", "due", "result", "words")
            headings = ["USERNAME", "ADDRESS", "DUE", "RESULT", "WHAT"]
            print_table(headings, [[line[column] for column in columns] for line in shown])
        note(f"{len(told)} sessions on {nas.name}: " + ", ".join(f"{count} {kind}" for kind, count in counted.items()))
    return not differing


async def _looked_at(nas: Nas, context: Context, sessions: list[SessionToCheck]) -> list[Compared]:
    from netbilld.adapters.nas.routeros import RouterosConnection  # noqa: PLC0415 - slow to load
    from netbilld.adapters.nas.routeros_look import RouterosLook  # noqa: PLC0415 - likewise

    hint = f"`netbilld nas set {nas.name} --api-url api://USER:PASSWORD@HOST` names one"
    if nas.api_url_sealed is None:
        raise RefusedError(f"NAS {nas.name} has no API that it could be read back by", hint=hint, code="no_api")
    address = parse_api_address(context.box.open(nas.api_url_sealed, api_url_place(nas.id)).decode())
    if address is None:
        raise RefusedError(f"the API of NAS {nas.name} is of a kind that is not spoken", hint=hint, code="no_api")
    connection = RouterosConnection(
        address,
        timeout_seconds=context.settings.metering.api_timeout_seconds,
        monotonic=time.monotonic,
        jitter=lambda: secrets.randbelow(1000) / 1000,
    )
    walled_list = context.settings.enforcement.walled_list
    look = RouterosLook({nas.id: connection}, context.now, (walled_list,))
    try:
        seen = await look.look(nas.id, [mark_of(session) for session in sessions])
        if connection.last_error is not None:
            raise RefusedError(f"NAS {nas.name} can't be asked: {connection.last_error}", code="nas_away")
    finally:
        connection.close()
    for command, trap in look.refused.get(nas.id, {}).items():
        note(f"it refuses `{command}`: {trap}; its API user {address.user} needs the policies read and api")
    return [compare(session, seen.get(session.session_id), walled_list) for session in sessions]


def _kind(one: Compared) -> str:
    return "gone" if one.presence is Presence.GONE else str(one.verdict)


def _line(one: Compared) -> dict[str, object]:
    session = one.session
    return {
        "session_id": session.session_id,
        "username": session.username,
        "address": session.framed_ip,
        "due": session.desired.access if session.desired is not None else None,
        "result": _kind(one),
        "words": one.words,
    }
