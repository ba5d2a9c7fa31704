"""The accounting journal: what a NAS is told is safe, is safe here first."""

from netbilld.adapters.journal.reader import JournalReader
from netbilld.adapters.journal.stored import StoredJournal
from netbilld.adapters.journal.writer import Journal

__all__ = ["Journal", "JournalReader", "StoredJournal"]
