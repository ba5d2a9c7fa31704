"""What people see of vouchers: batches with where their codes stand."""

from dataclasses import dataclass, field

from netbilld.model.voucher import VoucherStatus


@dataclass(slots=True)
class BatchFigures:
    """How many vouchers of a batch stand where.

    Attributes:
        counts: by status; what is over by time counts as expired.
        used_unsold: used, and no sale of them on record: paid to somebody, or to nobody.
    """

    counts: dict[VoucherStatus, int] = field(default_factory=dict)
    used_unsold: int = 0

    def add(self, status: VoucherStatus, count: int, over: int, unsold: int) -> None:
        """Count vouchers of one status, of which so many are over by time, and so many were used without a sale."""
        expired = VoucherStatus.EXPIRED
        self.counts[status] = self.counts.get(status, 0) + count - over
        if over:
            self.counts[expired] = self.counts.get(expired, 0) + over
        self.used_unsold += unsold

    def of(self, status: VoucherStatus) -> int:
        """Return how many stand there."""
        return self.counts.get(status, 0)

    @property
    def used(self) -> int:
        """Return how many were used at least once and not taken back."""
        return self.of(VoucherStatus.ACTIVE) + self.of(VoucherStatus.USED_UP) + self.of(VoucherStatus.EXPIRED)
