"""How long the daemon and its workers wait for a database."""

from typing import Final

STATEMENT_SECONDS: Final = 15.0  # what is asked of PostgreSQL takes milliseconds; one that hangs is given up
LAST_WRITE_SECONDS: Final = 0.5  # at the end, for what is not yet written
ABANDON_SECONDS: Final = 2.5  # after which the end no longer waits for a database that hangs
