"""A passkey device made of software, for tests: it answers as browsers do, and can be told to lie."""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from secrets import token_bytes
from typing import Any, Final

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT: Final = 0x01
VERIFIED: Final = 0x04
_ATTESTED: Final = 0x40


def packed(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def unpacked(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(slots=True)
class SoftAuthenticator:
    """One key for one site; `origin` is where its browser believes to be."""

    origin: str
    flags: int = PRESENT | VERIFIED
    count: int = 0
    step: int = 1  # how far each proof moves the count
    rp_id: str = ""
    user: bytes | None = None
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential_id: bytes = field(default_factory=lambda: token_bytes(32))

    def make(self, options: Mapping[str, Any]) -> str:
        """Return the answer to `navigator.credentials.create()`."""
        self.rp_id, self.user = options["rp"]["id"], unpacked(options["user"]["id"])
        point = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        identity = len(self.credential_id).to_bytes(2, "big") + self.credential_id
        data = self._data(_ATTESTED) + bytes(16) + identity + cbor2.dumps(cose)
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        said = {
            "clientDataJSON": packed(self._client_data("webauthn.create", options)),
            "attestationObject": packed(attestation),
        }
        return self._answer(said)

    def prove(self, options: Mapping[str, Any]) -> str:
        """Return the answer to `navigator.credentials.get()`."""
        self.count += self.step
        data, client_data = self._data(), self._client_data("webauthn.get", options)
        signature = self.key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(SHA256()))
        said = {
            "clientDataJSON": packed(client_data),
            "authenticatorData": packed(data),
            "signature": packed(signature),
        }
        return self._answer(said | ({"userHandle": packed(self.user)} if self.user is not None else {}))

    def _answer(self, said: Mapping[str, str]) -> str:
        name = packed(self.credential_id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": said})

    def _data(self, more: int = 0) -> bytes:
        place = hashlib.sha256(self.rp_id.encode()).digest()
        return place + bytes([self.flags | more]) + self.count.to_bytes(4, "big")

    def _client_data(self, kind: str, options: Mapping[str, Any]) -> bytes:
        return json.dumps({"type": kind, "challenge": options["challenge"], "origin": self.origin}).encode()
