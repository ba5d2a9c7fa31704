"""From settings to what the billing run goes by."""

import gc
from typing import Final

from netbilld.adapters.database.engine import Database
from netbilld.daemon.settings import Settings
from netbilld.daemon.taxes import tax_policy
from netbilld.services.run_billing import RunBilling

LANES: Final = 2  # on PostgreSQL
YOUNG_OBJECTS: Final = 10_000  # as many as a few dozen bills are of


def billing_run(settings: Settings, database: Database) -> RunBilling:
    """Return the billing run of a provider."""
    billing = settings.billing
    return RunBilling(
        database,
        due_days=billing.due_days,
        timezone=settings.timezone,
        tax=tax_policy(settings),
        absurd_minor=billing.absurd_minor,
        numbering=billing.numbering(),
        lanes=1 if database.is_sqlite else LANES,
    )


def collect_seldom() -> None:
    """Let garbage be looked for seldom in a process that does nothing but bill: the daemon's does so already.

    Bills go when nobody holds them any more; to look for them in cycles takes a seventh of a run.
    """
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 50, 50)
