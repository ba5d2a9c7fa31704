"""Rule 19: PPN, line by line, as of 2025."""

from tests.money_oracle.fees import half_up


def tax_of(amount: int, *, inclusive: bool) -> int:
    """Return the tax on (or in) an amount of a line; of a credit, what comes back of it."""
    sign, size = (-1, -amount) if amount < 0 else (1, amount)
    if inclusive:
        return sign * (size - half_up(size * 100, 111))
    return sign * half_up(half_up(size * 11, 12) * 12, 100)
