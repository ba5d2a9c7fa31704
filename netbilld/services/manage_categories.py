"""ManageCategories: what complaints may be about, and how soon each is to be answered and resolved."""

import re
from dataclasses import asdict
from typing import Final

from netbilld.model.complaint import Category
from netbilld.model.errors import InvalidInputError
from netbilld.ports.complaints import Store
from netbilld.services.complaint_steps import Doing, clean_words

LONGEST_MINUTES: Final = 90 * 24 * 60
_CODE: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")


class ManageCategories:
    """Adds and changes them; one that is no longer chosen is made inactive, for complaints keep theirs."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def put(self, category: Category, doing: Doing) -> None:
        """Add a category or change it; complaints that are open keep the deadlines they were given.

        Raises:
            InvalidInputError: a code, name or target can't be.
        """
        if not _CODE.fullmatch(category.code):
            raise InvalidInputError("the code is 1 to 40 small letters, digits, - or _", code="category_code")
        response, resolution = category.first_response_minutes, category.resolution_minutes
        if not 1 <= response <= resolution <= LONGEST_MINUTES:
            raise InvalidInputError(
                "the first response comes before the resolution, which takes 90 days at most", code="category_targets"
            )
        kept = Category(
            category.code,
            _line("the name", category.name),
            _line("the English name", category.name_en),
            response,
            resolution,
            category.about_line,
            category.position,
            category.active,
        )
        async with self._store.write() as work:
            before = await work.complaints.category(kept.code)
            if before == kept:
                return
            await work.complaints.put_category(kept)
            was = asdict(before) if before is not None else {}
            fields = {name: [was.get(name), value] for name, value in asdict(kept).items() if was.get(name) != value}
            details = {"fields": fields}
            entity = "complaint_category"
            await work.changes.record(doing.actor, doing.now, f"{entity}.set", entity, kept.code, details)


def _line(what: str, text: str) -> str:
    return " ".join(clean_words(what, text, longest=100).split())
