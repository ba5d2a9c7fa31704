"""The part of the URL map about the staff themselves: signing in, profiles, rights and the audit trail."""

from typing import Final

from netbilld.model.permissions import Permission
from netbilld.panel.route import ID, SUBSCRIBER, Route
from netbilld.panel.staff import (
    audit,
    identity,
    passkeys,
    profile,
    second_factor,
    signin,
    signin_passkey,
    staff_members,
)
from netbilld.panel.visit import Public
from netbilld.panel.within import Within

_MEMBER: Final = f"/staff/{{member:{ID}}}"
_FACTOR: Final = "/profile/second-factor"
_PASSKEYS: Final = "/profile/passkeys"
_PASSKEY: Final = f"/{{passkey:{ID}}}"
_OWN: Final = Within.ANYWHERE

STAFF_ROUTES: Final[tuple[Route, ...]] = (
    Route("GET", "/signin", Public.VISITOR, signin.show, within=_OWN),
    Route("POST", "/signin", Public.VISITOR, signin.submit, within=_OWN),
    Route("GET", "/signin/code", Public.VISITOR, signin.show_code, within=_OWN),
    Route("POST", "/signin/code", Public.VISITOR, signin.submit_code, within=_OWN),
    Route("POST", "/signin/passkey", Public.VISITOR, signin_passkey.submit, within=_OWN),
    Route("POST", "/signin/passkey/options", Public.VISITOR, signin_passkey.options, within=_OWN),
    Route("POST", "/signin/code/passkey", Public.VISITOR, signin_passkey.submit_half, within=_OWN),
    Route("POST", "/signin/code/passkey/options", Public.VISITOR, signin_passkey.options_half, within=_OWN),
    Route("POST", "/signout", Public.VISITOR, signin.leave, within=_OWN),
    Route("POST", "/language", Public.VISITOR, signin.choose_language, within=_OWN),
    Route("GET", "/profile", Public.STAFF, profile.show, within=_OWN),
    Route("POST", "/profile", Public.STAFF, profile.change, within=_OWN),
    Route("POST", "/profile/password", Public.STAFF, profile.change_password, within=_OWN),
    Route("POST", "/profile/logins", Public.STAFF, profile.end_logins, within=_OWN),
    Route("GET", _FACTOR, Public.STAFF, second_factor.show, within=_OWN),
    Route("POST", _FACTOR, Public.STAFF, second_factor.begin, within=_OWN),
    Route("POST", _FACTOR + "/confirm", Public.STAFF, second_factor.confirm, within=_OWN),
    Route("POST", _FACTOR + "/codes", Public.STAFF, second_factor.renew_codes, within=_OWN),
    Route("POST", _FACTOR + "/remove", Public.STAFF, second_factor.remove, within=_OWN),
    Route("POST", _PASSKEYS, Public.STAFF, passkeys.add, within=_OWN),
    Route("POST", _PASSKEYS + "/options", Public.STAFF, passkeys.options, within=_OWN),
    Route("POST", _PASSKEYS + _PASSKEY + "/remove", Public.STAFF, passkeys.remove, within=_OWN),
    Route("GET", "/staff", Permission.MANAGE_STAFF, staff_members.show_list),
    Route("POST", "/staff", Permission.MANAGE_STAFF, staff_members.add),
    Route("GET", "/staff/add", Permission.MANAGE_STAFF, staff_members.show_add),
    Route("GET", "/staff/roles", Permission.MANAGE_STAFF, staff_members.show_roles),
    Route("GET", _MEMBER, Permission.MANAGE_STAFF, staff_members.show),
    Route("POST", _MEMBER, Permission.MANAGE_STAFF, staff_members.change),
    Route("POST", _MEMBER + "/deactivate", Permission.MANAGE_STAFF, staff_members.deactivate),
    Route("POST", _MEMBER + "/activate", Permission.MANAGE_STAFF, staff_members.activate),
    Route("POST", _MEMBER + "/password", Permission.MANAGE_STAFF, staff_members.new_password),
    Route("POST", _MEMBER + "/logins", Permission.MANAGE_STAFF, staff_members.end_logins),
    Route("POST", _MEMBER + "/second-factor", Permission.MANAGE_STAFF, staff_members.reset_second_factor),
    Route("GET", SUBSCRIBER + "/identity", Permission.VIEW_SUBSCRIBERS, identity.show),
    Route("POST", SUBSCRIBER + "/identity", Permission.REVEAL_IDENTITY, identity.reveal),
    Route("GET", "/audit", Permission.VIEW_AUDIT, audit.show),
)
