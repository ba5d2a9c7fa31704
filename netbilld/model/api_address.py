"""Where a router's own API is, and how to get in: read from the URL that is kept sealed."""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from netbilld.model.errors import InvalidInputError

PORT: Final = 8728  # `api` of `/ip service`
TLS_PORT: Final = 8729  # `api-ssl`
_FINGERPRINT_DIGITS: Final = 64


@dataclass(frozen=True, slots=True)
class ApiAddress:
    """A RouterOS API service.

    Attributes:
        is_tls: api-ssl; it needs a certificate on the router, since without one it only offers anonymous ciphers.
        fingerprint: SHA-256 of the certificate it must show, in lower-case hexadecimal; None checks it as usual.
        is_trusted_blindly: any certificate will do.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    is_tls: bool = False
    fingerprint: str | None = None
    is_trusted_blindly: bool = False


def parse_api_address(url: str) -> ApiAddress | None:
    """Return what `api://USER:PASSWORD@HOST[:PORT]` or `api-ssl://…` leads to; None for another kind of API.

    `?fingerprint=SHA256` names the one certificate that api-ssl may show, `?verify=no` takes any.

    Raises:
        InvalidInputError: it names no user or says something else that is not understood; never quoting the URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"api", "api-ssl"}:
        return None
    if not parts.hostname or not parts.username:
        raise InvalidInputError(f"the API address names no user; write {parts.scheme}://USER:PASSWORD@HOST[:PORT]")
    is_tls = parts.scheme == "api-ssl"
    said = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    fingerprint = said.pop("fingerprint", None)
    verify = said.pop("verify", None)
    if said or (verify not in {None, "no"}) or ((fingerprint or verify) and not is_tls):
        raise InvalidInputError("after the API address may stand ?fingerprint=SHA256 or ?verify=no, with api-ssl only")
    if fingerprint is not None:
        fingerprint = fingerprint.replace(":", "").lower()
        if len(fingerprint) != _FINGERPRINT_DIGITS or fingerprint.strip("0123456789abcdef"):
            raise InvalidInputError("the fingerprint after the API address is no SHA-256: 64 hexadecimal digits")
    return ApiAddress(
        parts.hostname,
        parts.port or (TLS_PORT if is_tls else PORT),
        unquote(parts.username),
        unquote(parts.password or ""),
        is_tls,
        fingerprint,
        verify == "no",
    )
