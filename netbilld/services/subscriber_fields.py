"""What the fields of a subscriber may hold, checked the same way for the command line, the panel and an import."""

from datetime import date, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from netbilld.model.contact import parse_email, parse_phone
from netbilld.model.errors import InvalidInputError
from netbilld.model.subscriber import LOCALES, CredentialKind
from netbilld.radius.login_forms import CIRCUIT_PREFIX, circuit_name
from netbilld.radius.values import lookup_key, normalise_mac

LONGEST_NAME: Final = 200
LONGEST_USERNAME_OCTETS: Final = 253  # what one attribute holds (RFC 2865 §5)
LONGEST_PASSWORD_OCTETS: Final = 128  # User-Password (RFC 2865 §5.2)
MAX_DIGITS: Final = 20


def clean_text(field: str, text: str, longest: int) -> str:
    """Return text without the spaces around it; control characters and what is no Unicode are refused."""
    cleaned = text.strip()
    if any((character < " " and character not in "\n\t") or "\x7f" <= character <= "\x9f" for character in cleaned):
        raise InvalidInputError(f"{field} holds a control character")
    if not _is_unicode(cleaned):
        raise InvalidInputError(f"{field} is not UTF-8 text")
    if len(cleaned) > longest:
        raise InvalidInputError(f"{field} is longer than {longest} characters")
    return cleaned


def parse_username(text: str) -> str:
    """Return a name to log in with as it will be stored."""
    if not text.strip():
        raise InvalidInputError("the user name is empty")
    if text != text.strip() or any(character < " " or "\x7f" <= character <= "\x9f" for character in text):
        raise InvalidInputError(f"user name {text.strip()!r} holds a control character or begins or ends with a space")
    if not _is_unicode(text):
        raise InvalidInputError("the user name is not UTF-8 text")
    if text.lower().startswith(CIRCUIT_PREFIX):
        line = text[len(CIRCUIT_PREFIX) :]
        if not line.strip():
            raise InvalidInputError("the line has no name", hint="write circuit: and its circuit or remote id")
        text = circuit_name(line)
    if max(len(text.encode()), len(name_key(text).encode())) > LONGEST_USERNAME_OCTETS:
        raise InvalidInputError(f"the user name is longer than {LONGEST_USERNAME_OCTETS} octets")
    return text


def name_key(username: str) -> str:
    """Return what makes a user name unique: without regard to letter case, MAC addresses normalised."""
    return lookup_key(username.encode()).decode()


def credential_kind(username: str, *, has_password: bool) -> CredentialKind:
    """Return what kind of credential that name makes: a MAC address or a line needs no password, all else does."""
    if has_password:
        return CredentialKind.PASSWORD
    if username.startswith(CIRCUIT_PREFIX):
        return CredentialKind.CIRCUIT
    if normalise_mac(username) is None:
        raise InvalidInputError(
            f"user name {username!r} needs a password", hint="only a MAC address and circuit:… need none"
        )
    return CredentialKind.MAC


def check_password(password: str) -> str:
    """Return the password if a NAS can carry it."""
    if not password:
        raise InvalidInputError("the password is empty")
    if not _is_unicode(password) or any(character < " " or character == "\x7f" for character in password):
        raise InvalidInputError("the password holds a control character or is not UTF-8 text")
    if len(password.encode()) > LONGEST_PASSWORD_OCTETS:
        raise InvalidInputError(f"the password is longer than {LONGEST_PASSWORD_OCTETS} octets")
    return password


def parse_mac(text: str) -> str:
    """Return a MAC address as AA:BB:CC:DD:EE:FF."""
    mac = normalise_mac(text.strip())
    if mac is None:
        raise InvalidInputError(f"MAC address {text.strip()!r} is none", hint="write AA:BB:CC:DD:EE:FF")
    return mac


def parse_circuit(text: str) -> str:
    """Return the name of a line, given its circuit or remote id with or without `circuit:` before it."""
    line = text.strip()
    return parse_username(line if line.lower().startswith(CIRCUIT_PREFIX) else CIRCUIT_PREFIX + line)


def parse_static_ip(text: str) -> str:
    """Return a static address that a host can have, IPv4 (Framed-IP-Address) or IPv6 (RFC 6911 §3.1)."""
    try:
        address: IPv4Address | IPv6Address = ip_address(text.strip())
    except ValueError:
        raise InvalidInputError(f"address {text.strip()[:60]!r} is no IP address", hint="write 10.20.0.7") from None
    reserved = isinstance(address, IPv4Address) and (int(address) >> 24 == 0 or int(address) >> 28 == 15)
    zoned = isinstance(address, IPv6Address) and address.scope_id is not None
    if reserved or zoned or address.is_loopback or address.is_link_local or address.is_multicast or not int(address):
        raise InvalidInputError(f"address {address} can't be a subscriber's", hint="write 10.20.0.7")
    return str(address)


def parse_billing_day(value: str | int) -> int:
    """Return a billing day of 1 to 31."""
    text = str(value).strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 2 and 1 <= int(text) <= 31):
        raise InvalidInputError(f"billing day {text!r} is not 1 to 31")
    return int(text)


def parse_number(text: str) -> str:
    """Return a subscriber number: digits."""
    number = text.strip()
    if not (number.isascii() and number.isdigit() and len(number) <= MAX_DIGITS):
        raise InvalidInputError(f"subscriber number {number[:40]!r} is not 1 to {MAX_DIGITS} digits")
    return number


def parse_day(field: str, text: str) -> date:
    """Return a day written as 2026-11-30."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInputError(f"{field} {text.strip()[:40]!r} is no day", hint="write 2026-11-30") from None
    if not date(1990, 1, 1) <= day <= date(2200, 1, 1) - timedelta(days=1):
        raise InvalidInputError(f"{field} {day} is not between 1990 and 2199")
    return day


def optional_phone(text: str | None) -> str | None:
    """Return a phone number in E.164, None for nothing."""
    return parse_phone(text) if text and text.strip() else None


def optional_email(text: str | None) -> str | None:
    """Return an e-mail address, None for nothing."""
    return parse_email(text) if text and text.strip() else None


def optional_locale(text: str | None) -> str | None:
    """Return the language to speak to a subscriber, None for the provider's."""
    locale = text.strip().lower() if text else ""
    if locale and locale not in LOCALES:
        raise InvalidInputError(f"locale {locale[:40]!r} is not known; allowed: {', '.join(LOCALES)}")
    return locale or None


def optional_text(field: str, text: str | None, longest: int) -> str | None:
    """Return cleaned text, None for nothing."""
    return (clean_text(field, text, longest) or None) if text else None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
