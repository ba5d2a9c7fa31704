"""Usage as tables for further analysis; headings are stable names, whole octets."""

from collections.abc import Sequence

from netbilld.model.periods import local_date
from netbilld.services.sheets import Sheet
from netbilld.services.shown_usage import TopUsage, UsageBucket


def usage_sheet(buckets: Sequence[UsageBucket], by: str, timezone: str) -> Sheet:
    """Return one service's usage by hour, day, month or session."""
    by_day = by in {"day", "month"}
    headings = ["start", "upload_octets", "download_octets", "charged", *(["session_id"] if by == "session" else [])]
    rows = [
        [
            local_date(bucket.start_at, timezone) if by_day else bucket.start_at,
            bucket.upload_octets,
            bucket.download_octets,
            bucket.charged_minor,
            *([bucket.session_id] if by == "session" else []),
        ]
        for bucket in buckets
    ]
    return Sheet("usage", headings, rows, timezone)


def top_sheet(most: Sequence[TopUsage]) -> Sheet:
    """Return who used most."""
    headings = ("subscriber_no", "username", "name", "plan", "upload_octets", "download_octets", "total_octets")
    rows = [
        (
            one.subscriber_no,
            one.username,
            one.name,
            one.plan,
            one.upload_octets,
            one.download_octets,
            one.upload_octets + one.download_octets,
        )
        for one in most
    ]
    return Sheet("top", headings, rows)
