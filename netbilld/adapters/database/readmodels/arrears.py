"""What people have decided about arrears, or are to decide, as staff look at it."""

from datetime import date
from typing import Final

from netbilld.adapters.database.dunning import DunningStore
from netbilld.adapters.database.dunning_terms import DunningTermsStore
from netbilld.adapters.database.holidays import HolidayStore
from netbilld.adapters.database.readmodels.sent import SentQueries
from netbilld.services.dunning_views import DunningDesk, PromiseLine, TerminationLine

_MOST: Final = 500


class ArrearsQueries(SentQueries):
    """Reads the desk of dunning."""

    async def dunning_desk(self, today: date, holidays_until_on: date) -> DunningDesk:
        """Return promises that are not over, exemptions, rules, terminations that are proposed, and days off ahead."""
        terms = DunningTermsStore(self._connection)
        return DunningDesk(
            promises=[
                PromiseLine(
                    one.subscriber_no,
                    one.subscriber_name,
                    one.until_on,
                    one.reason,
                    one.actor,
                    one.created_at,
                    one.outstanding_minor,
                )
                for one in (await terms.promises(from_on=today))[:_MOST]
            ],
            exemptions=(await terms.exemptions())[:_MOST],
            rules=(await terms.rules())[:_MOST],
            terminations=[TerminationLine(*one) for one in (await DunningStore(self._connection).proposed())[:_MOST]],
            holidays=(await HolidayStore(self._connection).between(today, holidays_until_on))[:_MOST],
        )
