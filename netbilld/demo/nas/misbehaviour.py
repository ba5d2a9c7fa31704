"""How the network and the router may go wrong, on demand."""

from dataclasses import dataclass, fields

from netbilld.model.errors import InvalidInputError


@dataclass(slots=True)
class Misbehaviour:
    """Faults that can be set at any time. Counts run down by one for each order they spoil.

    Attributes:
        drop_replies_percent: of RADIUS replies, lost on the way back.
        drop_requests_percent: of RADIUS requests, lost on the way out.
        duplicate_requests_percent: of RADIUS requests, that arrive twice.
        silent_orders: CoA and Disconnect requests that get no answer and have no effect.
        nak_orders, nak_error_cause: orders that are refused with this Error-Cause.
        ack_without_effect: orders that are acknowledged and not carried out.
        ack_coa_without_effect: CoA-Requests alone that are.
        wrong_authenticator_orders: orders whose answer carries a wrong authenticator.
        lost_ack_orders: orders that are carried out, but whose answer is lost.
    """

    drop_replies_percent: float = 0.0
    drop_requests_percent: float = 0.0
    duplicate_requests_percent: float = 0.0
    silent_orders: int = 0
    nak_orders: int = 0
    nak_error_cause: int = 506
    ack_without_effect: int = 0
    ack_coa_without_effect: int = 0
    wrong_authenticator_orders: int = 0
    lost_ack_orders: int = 0

    def update(self, changes: dict[str, object]) -> None:
        """Set several faults at once.

        Raises:
            InvalidInputError: a name or value is not allowed; then nothing is changed.
        """
        known = [field.name for field in fields(self)]
        accepted: dict[str, float] = {}
        for name, value in changes.items():
            if name not in known:
                raise InvalidInputError(f"misbehave: {name} is not known", hint=f"one of {', '.join(known)}")
            if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                raise InvalidInputError(f"misbehave: {name} must be a number from 0 up")
            if name.endswith("_percent") and value > 100:
                raise InvalidInputError(f"misbehave: {name} must be at most 100")
            accepted[name] = float(value) if name.endswith("_percent") else int(value)
        for name, number in accepted.items():
            setattr(self, name, number)

    def take(self, name: str) -> bool:
        """Use up one of the counted faults; False when none is left."""
        left: int = getattr(self, name)
        if left <= 0:
            return False
        setattr(self, name, left - 1)
        return True
