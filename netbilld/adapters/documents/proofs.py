"""Photos and scans as proofs: looked at by their content, kept under the hash of it."""

import hashlib
import re
from pathlib import Path
from typing import Final

from netbilld.model import file_kinds
from netbilld.model.errors import InvalidInputError, NetbilldError

LARGEST_OCTETS: Final = 10 * 1024 * 1024
# PNG: ISO 15948 §5.2; JPEG: ITU-T T.81 B.1.1.3 with the marker that follows; PDF: ISO 32000-1 §7.5.2
_KINDS: Final = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpg"), (b"%PDF-1.", "pdf"), (b"%PDF-2.", "pdf"))
_NAME: Final = re.compile(r"[0-9a-f]{40}\.(?:png|jpg|pdf)")


class ProofFiles:
    """A directory of proofs."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def keep(self, content: bytes) -> str:
        """Keep a proof and return its name; the same content has the same name.

        Raises:
            InvalidInputError: it is no PNG, JPEG or PDF, whatever it was called, or too large.
            NetbilldError: it can't be written.
        """
        kind = kind_of(content)
        name = f"{hashlib.sha256(content).hexdigest()[:40]}.{kind}"
        path = self._directory / name
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists():
                half = path.with_suffix(".new")
                half.write_bytes(content)
                half.replace(path)
        except OSError as error:
            raise NetbilldError(f"{path}: can't be written: {error.strerror}") from None
        return name

    def read(self, name: str) -> bytes:
        """Return a proof by the name that `keep` gave it.

        Raises:
            NetbilldError: there is none of that name, or it can't be read.
        """
        if not _NAME.fullmatch(name):
            raise NetbilldError(f"{name!r} names no proof")
        try:
            return (self._directory / name).read_bytes()
        except OSError as error:
            raise NetbilldError(f"proof {name} can't be read: {error.strerror}") from None


def kind_of(content: bytes) -> str:
    """Return png, jpg or pdf.

    Raises:
        InvalidInputError: it is none of these, or too large.
    """
    try:
        return file_kinds.kind_of(content, LARGEST_OCTETS)
    except InvalidInputError as error:
        if error.code == "file_too_large":
            raise InvalidInputError(
                f"the proof is larger than {LARGEST_OCTETS // 1024**2} MiB", code="proof_too_large"
            ) from None
        raise InvalidInputError("the proof is no PNG, JPEG or PDF", code="bad_proof") from None
