"""What refusals say to a subscriber, by their code: what is so, and what to do; nothing of what is inside."""

from collections.abc import Mapping
from typing import Final

from netbilld.panel.words import N_

REFUSALS: Final[Mapping[str, str]] = {
    "invalid_input": N_("That can't be taken as it is. Check what was written."),
    "not_found": N_("That is not there any more. Open the page again."),
    "refused": N_("That is not possible now. Ask us if you think it should be."),
    "stale_form": N_("The form had expired. Open the page again."),
    "phone_invalid": N_("That is no telephone number. Write it as 0812…"),
    "email_invalid": N_("That is no e-mail address. Write it as name@example.net."),
    "wrong_current_password": N_("The present password is not right."),
    "proof_missing": N_("To change telephone or e-mail, give your password or a one-time code."),
    "proof_wrong": N_("That is neither the password nor the code that was sent last."),
    "password_short": N_("Choose a password of at least 8 characters."),
    "password_unusable": N_("A modem can't carry that password: at most 128 letters, digits and signs."),
    "password_repeated": N_("The two new passwords differ."),
    "locked_out": N_("Too many wrong attempts. Wait a quarter of an hour."),
    "text_missing": N_("Write what we should look at."),
    "many_requests": N_("Five of your requests are open already. We answer these first."),
    "no_credit": N_("The wallet does not cover it. Top up first."),
    "plan_changed_since": N_("Something has changed meanwhile. Look at the figures again before you confirm."),
    "plan_not_offered": N_("That plan is not offered to you here. Ask us."),
    "plan_changed_lately": N_("You have changed the plan lately. The next change is possible from %(day)s on."),
    "bills_overdue": N_("A bill is overdue. Pay it first."),
    "not_active": N_("The service is not running now, so this can't be changed. Ask us."),
    "pause_days": N_("A break is at least one day and at most %(days)s."),
    "pause_many": N_("At most %(most)s breaks in twelve months, and you have had them."),
    "pause_day": N_("Write a day from tomorrow on."),
    "gateway_away": N_("The payment service does not answer just now. Try another way, or again in a few minutes."),
    "gateway_refused": N_("That way to pay is not possible just now. Choose another one."),
    "no_such_method": N_("That way to pay is not offered any more. Choose another one."),
    "linked_already": N_("An account is linked already. Unlink that first."),
    "not_prepaid": N_("This service is not paid in advance."),
    "bad_pay_amount": N_("Write an amount from Rp1.000 on, in whole rupiah."),
    "nothing_open": N_("Nothing is open on that bill any more."),
    "too_many": N_("Too many payments were begun. Use one of them, or wait an hour."),
    "no_offer": N_("That is not sold here any more. Choose another one."),
    "paused_already": N_("There is a break already. End it first."),
}
