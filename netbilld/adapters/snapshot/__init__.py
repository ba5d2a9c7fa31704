"""What log-ins are answered by, kept on local disk, encrypted, for a start while the database is away."""

from netbilld.adapters.snapshot.contents import Snapshot, SnapshotSource, read_snapshot, write_snapshot
from netbilld.adapters.snapshot.frames import unfinished_path

__all__ = ["Snapshot", "SnapshotSource", "read_snapshot", "unfinished_path", "write_snapshot"]
