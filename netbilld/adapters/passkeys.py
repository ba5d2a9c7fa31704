"""WebAuthn as browsers speak it, judged by the `webauthn` package; challenges and keys are kept elsewhere."""

from collections.abc import Collection, Mapping
from typing import Any, Final

import webauthn
from webauthn.helpers import options_to_json_dict, parse_authentication_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from netbilld.model.passkey import Site
from netbilld.model.staff import Staff
from netbilld.services.passkeys import CHALLENGE_LIFETIME, Claim, NewKey

_TIMEOUT_MS: Final = int(CHALLENGE_LIFETIME.total_seconds() * 1000)
_LONGEST_ID: Final = 1023  # WebAuthn section 5.8.3
_LONGEST_KEY: Final = 2048
# whatever somebody sends may trip the parsers of JSON, base64 and CBOR
_GARBAGE: Final = (WebAuthnException, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)


class WebauthnAuthenticators:
    """The rules of WebAuthn Level 3: user verification is always required, attestation never."""

    def creation(self, site: Site, member: Staff, challenge: bytes, known: Collection[bytes]) -> Mapping[str, Any]:
        """Return the options of `navigator.credentials.create()` as JSON; `known` keys are not made again."""
        options = webauthn.generate_registration_options(
            rp_id=site.rp_id,
            rp_name=site.name,
            user_id=member.id.bytes,
            user_name=member.email,
            user_display_name=member.name,
            challenge=challenge,
            timeout=_TIMEOUT_MS,
            exclude_credentials=_descriptors(known),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
        )
        return options_to_json_dict(options)

    def request(self, site: Site, challenge: bytes, allowed: Collection[bytes]) -> Mapping[str, Any]:
        """Return the options of `navigator.credentials.get()` as JSON; no `allowed` means any of this site's."""
        options = webauthn.generate_authentication_options(
            rp_id=site.rp_id,
            challenge=challenge,
            timeout=_TIMEOUT_MS,
            allow_credentials=_descriptors(allowed),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return options_to_json_dict(options)

    def made(self, site: Site, challenge: bytes, answer: str) -> NewKey | None:
        """Return the key that was made for that challenge; None where the answer does not hold."""
        try:
            verified = webauthn.verify_registration_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=site.rp_id,
                expected_origin=site.origin,
                require_user_verification=True,
            )
        except (*_GARBAGE, RecursionError):
            return None
        if not 0 < len(verified.credential_id) <= _LONGEST_ID or len(verified.credential_public_key) > _LONGEST_KEY:
            return None
        return NewKey(verified.credential_id, verified.credential_public_key, verified.sign_count)

    def claim(self, answer: str) -> Claim | None:
        """Return which passkey an answer is said to be of; None for what is none."""
        try:
            said = parse_authentication_credential_json(answer)
        except (*_GARBAGE, RecursionError):
            return None
        if not 0 < len(said.raw_id) <= _LONGEST_ID:
            return None
        return Claim(said.raw_id, said.response.user_handle or None)

    def proven_count(self, site: Site, challenge: bytes, answer: str, public_key: bytes) -> int | None:
        """Return the device's count where the answer proves that key; None where it does not.

        Whether the count may be is not judged here.
        """
        try:
            verified = webauthn.verify_authentication_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=site.rp_id,
                expected_origin=site.origin,
                credential_public_key=public_key,
                credential_current_sign_count=0,
                require_user_verification=True,
            )
        except (*_GARBAGE, RecursionError):
            return None
        return verified.new_sign_count


def _descriptors(ids: Collection[bytes]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=one) for one in ids]
