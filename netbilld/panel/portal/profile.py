"""A subscriber's own profile, consents and data."""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from netbilld.panel.forms import Problem
from netbilld.panel.portal.own import REFUSED, Own, done, refused, render
from netbilld.panel.portal.own_parts import OwnParts
from netbilld.panel.portal.parts import PORTAL
from netbilld.services.export_own_data import as_json, as_zip
from netbilld.services.own_profile import PURPOSES, NewContact, NewPassword
from netbilld.services.own_requests import DELETION
from netbilld.services.prefer_channels import CHOICES
from netbilld.services.sign_in import token_hash

_BESIDE_FIELDS: Final = frozenset({"phone_invalid", "email_invalid", "proof_missing", "proof_wrong"})


async def show(request: web.Request, who: Own) -> tuple[str, dict[str, Any]]:
    """GET /akun/profil."""
    parts = own_parts(request)
    requests = await parts.requests_of(who.subscriber_id)
    return "portal/profile.html", {
        "profile": await parts.profile.show(who.file),
        "purposes": PURPOSES,
        "requests": requests,
        "asked_deletion": any(one.kind == DELETION and one.is_open for one in requests),
        "username": who.file.username,
        "wanted": await parts.prefer.wanted(who.subscriber_id),
        "channels": CHOICES,
        "tab": "profil",
    }


async def change(request: web.Request, who: Own, form: Mapping[str, str]) -> web.StreamResponse:
    """Answer POST /akun/profil."""
    parts = own_parts(request)
    wanted = NewContact(*(form.get(name, "").strip() for name in ("phone", "email", "locale")))
    proof, codes = form.get("proof_password", ""), request.app[PORTAL].codes
    try:
        await parts.profile.change(who.file, wanted, proof, codes, who.actor, who.now)
    except REFUSED as error:
        name = error.code.partition("_")[0] if error.code in _BESIDE_FIELDS else "profile"
        return await refused(request, who, show, form, name, error)
    await parts.nudge()
    return done("/akun/profil", "profil")


async def send_code(request: web.Request, who: Own, form: Mapping[str, str]) -> web.StreamResponse:
    """Answer POST /akun/profil/kode: a code to where they are reached until now, and the form as it was typed."""
    portal = request.app[PORTAL]
    await portal.codes.ask(who.file.subscriber_number, portal.perimeter.source(request), who.now)
    template, context = await show(request, who)
    typed = {name: form.get(name, "") for name in ("phone", "email", "locale")}
    return render(request, who, template, {**context, "problem": Problem("code_sent", "", typed)})


async def change_password(request: web.Request, who: Own, form: Mapping[str, str]) -> web.StreamResponse:
    """Answer POST /akun/profil/sandi."""
    parts, portal = own_parts(request), request.app[PORTAL]
    typed = NewPassword(*(form.get(name, "") for name in ("present_password", "new_password", "repeated_password")))
    token = request.cookies[portal.perimeter.cookie_name(request)]
    try:
        await parts.profile.change_password(who.file, typed, token_hash(token), who.actor, who.now)
    except REFUSED as error:
        return await refused(request, who, show, form, "password", error)
    await parts.nudge()
    return done("/akun/profil", "sandi")


async def say(request: web.Request, who: Own, form: Mapping[str, str]) -> web.StreamResponse:
    """Answer POST /akun/profil/persetujuan."""
    parts, first = own_parts(request), form.get("first", "")
    given = {purpose: form.get(purpose) == "yes" for purpose in PURPOSES}
    await parts.profile.say(who.file, given, who.actor, who.now)
    if first in CHOICES or (not first and "first" in form):
        await parts.prefer.own(who.subscriber_id, [first] if first else [], who.actor, who.now)
    return done("/akun/profil", "persetujuan")


async def data_json(request: web.Request, who: Own) -> web.StreamResponse:
    """Answer GET /akun/data.json: all that is known of oneself."""
    data = await own_parts(request).data.run(who.file, who.now)
    return _file(as_json(data), f"{who.file.subscriber_number}.json", "application/json")


async def data_zip(request: web.Request, who: Own) -> web.StreamResponse:
    """Answer GET /akun/data.zip: the same in parts."""
    data = await own_parts(request).data.run(who.file, who.now)
    return _file(as_zip(data), f"{who.file.subscriber_number}.zip", "application/zip")


def own_parts(request: web.Request) -> OwnParts:
    """Return the services behind these pages; without them the pages are not there."""
    parts = request.app[PORTAL].parts.own
    if parts is None:
        raise web.HTTPNotFound
    return parts


def _file(octets: bytes, name: str, kind: str) -> web.Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return web.Response(body=octets, content_type=kind, headers=headers)
