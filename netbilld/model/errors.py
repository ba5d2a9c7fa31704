"""Root of every error a person may meet."""

from collections.abc import Mapping


class NetbilldError(Exception):
    """A refusal or fault, said in one line, with what to do about it.

    Attributes:
        code: stable word to search for, such as `port_in_use`.
        hint: the next thing to do or type; empty where the message already says it.
        values: what the message names, for those who say the same in another language by its code.
    """

    def __init__(
        self, message: str, *, hint: str = "", code: str = "error", values: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint
        self.values = dict(values or {})

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message}; {self.hint}" if self.hint else message


class NotFoundError(NetbilldError):
    """What was named does not exist."""

    def __init__(self, message: str, *, hint: str = "", code: str = "not_found") -> None:
        super().__init__(message, hint=hint, code=code)


class RefusedError(NetbilldError):
    """The request is understood and against a rule."""

    def __init__(
        self, message: str, *, hint: str = "", code: str = "refused", values: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message, hint=hint, code=code, values=values)


class InvalidInputError(NetbilldError):
    """A file, option or field holds a value that is not allowed."""

    def __init__(
        self, message: str, *, hint: str = "", code: str = "invalid_input", values: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message, hint=hint, code=code, values=values)


class StoreUnavailableError(NetbilldError):
    """The database can't be reached or is not usable now."""

    def __init__(self, message: str, *, hint: str = "", code: str = "store_unavailable") -> None:
        super().__init__(message, hint=hint, code=code)


class BrokerAwayError(NetbilldError):
    """The MQTT broker can't be reached, refuses us or is silent."""

    def __init__(self, message: str, *, hint: str = "", code: str = "broker_away") -> None:
        super().__init__(message, hint=hint, code=code)
