"""What a form brought, as text of a sane length; nothing typed is lost when something is refused."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from netbilld.model.errors import InvalidInputError, NetbilldError
from netbilld.panel.words import N_

_ONCE: Final = re.compile(r"[A-Za-z0-9_-]{20,64}\Z")
LONGEST_TEXT: Final = 10_000  # services say what is too long; nothing is cut off silently below that

# refusals of services that people meet on these pages, by code
MESSAGES: Final[Mapping[str, str]] = {
    "wrong_current_password": N_("The current password is not right."),
    "email_taken": N_("That e-mail address belongs to somebody else."),
    "name_missing": N_("Write your name."),
    "phone_invalid": N_("That is no telephone number. Write 0812…, 021… or +<country code>…"),
    "own_role": N_("What you may do is for another main admin to say."),
    "last_admin": N_("That is the last active main admin. Make somebody else one first."),
    "admin_limited": N_("A main admin sees everything. Leave the areas empty, or choose another role."),
    "area_invalid": N_("Write each area on a line of its own, as in jabar/bandung."),
    "areas_many": N_("Those are too many areas. Name one that covers them."),
    "totp_wrong": N_("That code is not right, or was used before. Wait for the next one."),
    "totp_obliged": N_("Your role must have a second factor."),
    "totp_in_use": N_("A second factor is in use already."),
    "totp_not_begun": N_("Begin again: there is no new second factor to confirm."),
    "passkey_wrong": N_("No passkey came of it, or it took too long. Try again."),
    "passkey_known": N_("That passkey is on record already."),
    "passkey_name": N_("Name the passkey in 1 to 60 letters, so that you know it again."),
    "passkeys_many": N_("You have as many passkeys as one may. Remove one first."),
    "email_invalid": N_("That is no e-mail address."),
    "wrong_password": N_("The old password is not right."),
    "implausible_amount": N_("That is more than this subscriber was ever likely to pay. Count the zeros."),
    "reference_taken": N_("That reference belongs to another payment."),
    "nothing_open": N_("Nothing is open on it, or there is no open invoice."),
    "invoice_not_open": N_("One of the chosen invoices is not open any more, or is chosen twice."),
    "bad_allocation": N_("More is given to an invoice than is open on it, or than is left of the amount."),
    "bad_withholding": N_("More is withheld than it could settle: proof is no credit."),
    "bad_amount": N_("That can't be an amount of money received."),
    "bad_date": N_("That day can't be: it is to come, too long ago, or before what led to it."),
    "wrong_currency": N_("That subscriber is billed in another currency."),
    "already_reversed": N_("That payment is reversed already."),
    "idempotency_mismatch": N_("This form was sent before with something else in it. Open the page again."),
    "through_an_agent": N_("That payment came through an agent. Reverse it: it is in the deposit again then."),
    "same_subscriber": N_("The payment is that subscriber's already."),
    "wallet_too_small": N_("The wallet holds less than that."),
    "already_decided": N_("Somebody has decided on it already."),
    "row_open": N_("Nothing was decided on that row."),
    "row_taken": N_("That payment is another row's already."),
    "row_differs": N_("The row and that payment are not the same money."),
    "not_sure": N_("It is not sure whose it is: say the subscriber or the invoice."),
    "codes_exhausted": N_("All 999 unique amounts above what is open are given out."),
    "closed_month": N_("The books of today are closed; nothing can be issued in them."),
    "over_credited": N_("That is more than can be credited."),
    "credited": N_("Nothing is left of it to credit."),
    "not_creditable": N_("It is for money that bounced: it can be written off, not credited."),
    "not_issued": N_("Only an issued invoice can be credited."),
    "unknown_tax": N_("That tax is not known, or not in force yet."),
    "absurd": N_("The total can't be right: look at the amounts."),
    "paper_step": N_("That step can't follow now: no state is skipped. Look at where it is."),
    "bad_proof": N_("The proof is no PNG, JPEG or PDF."),
    "proof_too_large": N_("The proof is larger than 10 MB."),
    "promise_too_long": N_("That is too far: a promise lasts only so many days."),
    "nothing_owed": N_("They owe nothing."),
    "too_many_promises": N_("They have promised as often as is allowed for this debt."),
    "plan_exists": N_("A plan with that code exists: open it and make a new version."),
    "busy": N_("Another lot of documents is being printed. Try again in a minute."),
    "session_ended": N_("That session has ended already."),
    "answer_missing": N_("Write what the subscriber is to read."),
    "request_over": N_("That request was answered or taken back meanwhile."),
    "guessable": N_("Such codes could be guessed. Take at least %(least)s characters."),
    "bad_count": N_("A batch has 1 to 25,000 vouchers."),
    "bad_length": N_("A code is 4 to 32 characters long, its prefix counted."),
    "bad_prefix": N_("A prefix is up to 8 capital letters and digits."),
    "no_price": N_("The plan has no price of its own: give one."),
    "bad_price": N_("A voucher can't cost that."),
    "bad_agent_price": N_("That is more than the price, or below 0."),
    "no_validity": N_("Say how long it is valid: the plan has no period in days."),
    "bad_use_by": N_("That day is over."),
    "sold_out": N_("Only %(left)s unsold ones are left."),
    "no_end": N_("Its time begins with the first use: there is no end to move."),
    "voucher_over": N_("That voucher is over or taken back."),
    "deposit_too_small": N_("The deposit is less than that."),
    "voucher_unsold": N_("Nobody has paid for that voucher."),
    "voucher_not_void": N_("Take the voucher back first."),
    "voucher_refunded": N_("Its price was given back already."),
    "paid_by_gateway": N_("It was paid by a gateway: give it back there, as payment %(ref)s."),
    "voucher_used": N_("The voucher is in use. Take it back first, or leave it."),
    "voucher_part": N_("Of a voucher the whole price goes back, or nothing."),
    "price_too_low": N_("A gateway takes nothing below Rp1.000."),
    "online_password": N_("What is sold on the hotspot's page has no password of its own."),
    "agent_known": N_("An agent of that name is known already."),
    "bad_name": N_("Write one word of small letters and digits."),
    "bad_commission": N_("A commission is 0 to 50 percent."),
    "password_short": N_("A password has at least 8 letters."),
    "collector_ended": N_("You collect no more. Ask the office to let you send this, then hand over all of it."),
    "held_changed": N_("They hold another amount by now. Look at it, and count again."),
    "collector_known": N_("A collector of that name, or that member of the staff, is known already."),
    "pool_name": N_("Write a name of one line."),
    "name_taken": N_("There is a pool “%(pool)s” already."),
    "network_invalid": N_(
        "“%(text)s” is no network. Write it as 10.20.0.0/22 or 2001:db8::/40, from its first address."
    ),
    "network_family": N_("This kind of pool needs an IPv%(version)s network, and %(network)s is none."),
    "network_special": N_("%(network)s can't be subscribers': too wide, or reserved for something else."),
    "ipv4_length": N_("A session gets one IPv4 address: leave the prefix length empty."),
    "prefix_length": N_("Of %(network)s a session can get a prefix of /%(shortest)s to /%(longest)s, not /%(length)s."),
    "excluded_invalid": N_("Reserved “%(text)s”: write 10.20.0.1, 10.20.0.1-10.20.0.9 or a prefix."),
    "excluded_backwards": N_("Reserved “%(text)s” ends before it begins."),
    "excluded_outside": N_("Reserved %(text)s is not inside %(network)s."),
    "excluded_many": N_("At most %(most)s reserved entries: write ranges."),
    "pool_empty": N_("Nothing would be left to give out."),
    "overlaps_pool": N_(
        "Pool “%(pool)s” (%(network)s) overlaps pool “%(other)s” (%(other_network)s). No two pools may give the same "
        "address."
    ),
    "overlaps_fixed": N_(
        "Pool “%(pool)s” (%(network)s) overlaps %(address)s, which is fixed for “%(username)s”. Reserve that address "
        "to leave it out."
    ),
    "left_out_in_use": N_("%(address)s is in use by “%(username)s” and would be left out. End that session first."),
    "pool_in_use": N_("%(live)s addresses of pool “%(pool)s” are held or in use."),
    "lease_changed": N_("%(address)s is free already, or somebody else's by now."),
    "lease_in_use": N_("%(address)s is in use: a session of “%(username)s” is open. End that session first."),
}


def refusal_text(error: NetbilldError, say: Callable[..., str]) -> str:
    """Return what a refusal says in the reader's language; `say` looks a message up and fills it in."""
    return say(MESSAGES[error.code], **error.values) if error.code in MESSAGES else str(error)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one form of a page, and what had been typed.

    `faults` are what is wrong with single fields, by name, in the reader's language.
    """

    form: str
    message: str
    values: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)


NO_PROBLEM: Final = Problem("", "")


async def read_form(request: web.Request) -> dict[str, str]:
    """Return the text fields of a form; the first of each name, without signs that are none."""
    form = await request.post()
    found: dict[str, str] = {}
    for name, value in form.items():
        if isinstance(value, str):
            cleaned = "".join(sign for sign in value if sign >= " " or sign in "\n\t")
            found.setdefault(name, cleaned.strip()[:LONGEST_TEXT])
    return found


def once_key(request_staff: str, form: Mapping[str, str]) -> str:
    """Return the idempotency key of a form that must act once, however often it is sent.

    Raises:
        InvalidInputError: the form has none, so it is not one of our pages'.
    """
    key = form.get("once", "")
    if not _ONCE.match(key):
        raise InvalidInputError("the form lacks its key", hint="open the page again")
    return f"panel:{request_staff}:{key}"
