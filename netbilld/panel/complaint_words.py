"""What refusals of services about complaints say to readers, by code."""

from collections.abc import Callable, Mapping
from typing import Final

from netbilld.model.errors import NetbilldError
from netbilld.panel.forms import refusal_text
from netbilld.panel.words import N_

COMPLAINT_MESSAGES: Final[Mapping[str, str]] = {
    "text_missing": N_("Write a few words."),
    "text_too_long": N_("That is too long: %(longest)s letters at most."),
    "category_unknown": N_("Choose what it is about."),
    "complaints_many": N_("You have many open complaints already. Add to one of them, or call us."),
    "complaint_step": N_("That is not possible any more: its state has changed."),
    "complaint_changed": N_("Somebody has changed it meanwhile. Nothing you typed is lost: look, and send it again."),
    "complaint_closed": N_("It is closed. Open it again, or make a new one."),
    "complaint_over": N_("It is over already. Reopen it first."),
    "complaint_past": N_("It was resolved more than %(days)s days ago. Please make a new one."),
    "no_such_worker": N_("Choose somebody who works on complaints."),
    "photos_many": N_("At most %(most)s photos at once."),
    "photos_full": N_("It has as many photos as it can have (%(most)s)."),
    "photo_too_large": N_("A photo is larger than %(megabytes)s MB."),
    "photo_pixels": N_("A photo has too many pixels."),
    "bad_photo": N_("One of the files is no photo. JPEG, PNG and WebP are taken, whatever the file is called."),
    "signer_missing": N_("Write the name of who signs for it."),
    "bad_place": N_("Write the place as a map does: -6.914744, 107.609810"),
    "outage_place": N_("Choose an area or a NAS, not both."),
    "no_such_nas": N_("There is no NAS “%(name)s”."),
    "outage_running": N_("Outage %(number)s is declared there already."),
    "outage_nobody": N_("No subscriber is there. Look at how the area is written."),
    "outage_over": N_("Outage %(number)s is over already."),
    "outage_began": N_("It began within the last seven days, and not later than now."),
    "outage_expected": N_("When it is to end is later than now, within a month."),
    "survey_mark": N_("Answer each question."),
    "survey_early": N_("It is not closed yet."),
    "category_code": N_("The code is small letters, digits, - or _."),
    "category_targets": N_("The first response comes before the resolution, which takes 90 days at most."),
    "idempotency_mismatch": N_("This form was sent before with something else in it. Open the page again."),
}


def complaint_refusal(error: NetbilldError, say: Callable[..., str]) -> str:
    """Return what a refusal says in the reader's language; `say` looks a message up and fills it in."""
    if error.code in COMPLAINT_MESSAGES:
        return say(COMPLAINT_MESSAGES[error.code], **error.values)
    return refusal_text(error, say)
