"""Photos: looked at by their content, drawn anew without what the camera said of place and owner, kept by hash."""

import asyncio
import hashlib
import re
import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps

from netbilld.model.errors import InvalidInputError, NetbilldError
from netbilld.ports.complaints import KeptPhoto

LARGEST_OCTETS: Final = 8 * 1024 * 1024
LONGEST_SIDE: Final = 1600  # pixels; enough to read a label on a modem
# what a file may unfold to while it is read: of JPEG the decoder makes it smaller at once (ITU-T T.81, DCT scaling)
MOST_PIXELS: Final = {"JPEG": 80_000_000, "PNG": 20_000_000, "WEBP": 20_000_000}
_QUALITY: Final = 80
# what decoders raise of files that lie
_LIES: Final = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    EOFError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
_NAME: Final = re.compile(r"[0-9a-f]{40}\.jpg\Z")


class PhotoFiles:
    """A directory of photos; one is drawn at a time, off the event loop."""

    def __init__(self, directory: Path, largest_octets: int = LARGEST_OCTETS) -> None:
        self._directory, self._largest_octets = directory, largest_octets
        self._one = asyncio.Semaphore(1)

    async def keep(self, content: bytes) -> KeptPhoto:
        """Keep a photo; the same photo has the same name.

        Raises:
            InvalidInputError: it is no JPEG, PNG or WebP, whatever it was called, broken, or too large.
            NetbilldError: it can't be written.
        """
        if len(content) > self._largest_octets:
            megabytes = self._largest_octets // 1024**2
            raise InvalidInputError(
                f"the photo is larger than {megabytes} MB", code="photo_too_large", values={"megabytes": megabytes}
            )
        async with self._one:
            return await asyncio.to_thread(self._keep, content)

    def _keep(self, content: bytes) -> KeptPhoto:
        octets, (width, height) = redrawn(content)
        name = f"{hashlib.sha256(octets).hexdigest()[:40]}.jpg"
        path = self._directory / name
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists():
                half = path.with_suffix(".new")
                half.write_bytes(octets)
                half.replace(path)
        except OSError as error:
            raise NetbilldError(f"{path}: can't be written: {error.strerror}") from None
        return KeptPhoto(name, width, height)

    async def read(self, file: str) -> bytes | None:
        """Return a photo as JPEG; None where it is gone, or that is no name of one."""
        if not _NAME.match(file):
            return None
        try:
            return await asyncio.to_thread((self._directory / file).read_bytes)
        except OSError:
            return None


def redrawn(content: bytes) -> tuple[bytes, tuple[int, int]]:
    """Return a photo as a new JPEG of a sane size, upright, and its width and height.

    Only what was drawn is taken over: no EXIF, no comment, nothing behind the picture.

    Raises:
        InvalidInputError: it is no picture that we know, broken, or unfolds to too much.
    """
    try:
        upright = _upright(content)
    except _LIES:
        raise InvalidInputError("that is no photo (JPEG, PNG or WebP)", code="bad_photo") from None
    if upright is None:
        raise InvalidInputError("the photo has too many pixels", code="photo_pixels")
    clean = Image.new("RGB", upright.size, "white")
    clean.paste(upright, mask=upright.getchannel("A"))
    written = BytesIO()
    clean.save(written, "JPEG", quality=_QUALITY, optimize=True)
    return written.getvalue(), clean.size


def _upright(content: bytes) -> Image.Image | None:
    """Return a picture made smaller and turned as it was held; None where it would unfold to too much."""
    with Image.open(BytesIO(content), formats=tuple(MOST_PIXELS)) as image:
        if image.width * image.height > MOST_PIXELS[image.format or "PNG"]:
            return None
        small: Image.Image = image
        if image.mode not in {"RGB", "RGBA", "L"}:
            small = image.convert("RGBA")
        small.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        return ImageOps.exif_transpose(small).convert("RGBA")
