"""What a file is, by its content: whatever it was called."""

from typing import Final

from netbilld.model.errors import InvalidInputError

# PNG: ISO 15948 §5.2; JPEG: ITU-T T.81 B.1.1.3 with the marker that follows; PDF: ISO 32000-1 §7.5.2
_BEGINNINGS: Final = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"%PDF-1.", "pdf"),
    (b"%PDF-2.", "pdf"),
)
MEDIA_TYPES: Final = {"png": "image/png", "jpg": "image/jpeg", "pdf": "application/pdf"}


def kind_of(content: bytes, largest_octets: int) -> str:
    """Return png, jpg or pdf.

    Raises:
        InvalidInputError: it is none of these (`bad_file`), or too large (`file_too_large`).
    """
    if len(content) > largest_octets:
        raise InvalidInputError(
            f"the file is larger than {largest_octets // 1024**2} MiB",
            code="file_too_large",
            values={"most": largest_octets // 1024**2},
        )
    for beginning, kind in _BEGINNINGS:
        if content.startswith(beginning):
            return kind
    raise InvalidInputError("the file is no PNG, JPEG or PDF", code="bad_file")
