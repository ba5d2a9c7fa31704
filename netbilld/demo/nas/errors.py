"""What can go wrong on the subscriber's side of the router."""

from netbilld.model.errors import NetbilldError


class DialError(NetbilldError):
    """The device could not get online."""


class LoginRefusedError(DialError):
    """The server answered Access-Reject; the message is its Reply-Message."""


class NoAnswerError(DialError):
    """The server did not answer any transmission."""


class SessionEndedError(NetbilldError):
    """The session is over; it can't report any more."""
