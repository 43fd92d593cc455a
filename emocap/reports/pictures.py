"""Pictures inside a page."""

# Tested in tests/reports/test_section.py.

import base64
import io

from PIL import Image


def thumbnail(jpeg: bytes, side: int) -> str:
    """A data: URL of a JPEG, shrunk to at most ``side`` pixels."""
    image = Image.open(io.BytesIO(jpeg)).convert("RGB")
    image.thumbnail((side, side))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
