"""What log-ins are answered by, kept on local disk, encrypted, for a start while the database is away."""

from netbilld.adapters.snapshot.contents import Snapshot, SnapshotSource, read_snapshot, write_snapshot

__all__ = ["Snapshot", "SnapshotSource", "read_snapshot", "write_snapshot"]
