"""The pictures of a DataFrame."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from errata.errors import MediaError

_CHANNELS = (1, 3, 4)


def address_of(value: Any, task_id: int) -> str:
    """Return what stands for a picture in a task's data: its path, or which row holds it."""
    return os.fspath(value) if isinstance(value, str | os.PathLike) else f"row {task_id}"


class FrameMedia:
    """Reads the pictures of rows, and no others: `audit.ports.Media`.

    Args:
        pictures: task id -> as the DataFrame holds it.
        max_bytes: largest file.
    """

    def __init__(self, pictures: Mapping[int, Any], max_bytes: int) -> None:
        self._pictures = pictures
        self._max_bytes = max_bytes

    def read(self, uri: str, task_id: int) -> bytes:
        """Return the picture of a row as a file, whatever the address says.

        Raises:
            MediaError: there is none, it cannot be read, or it is too large.
        """
        value = self._pictures.get(task_id)
        if isinstance(value, str | os.PathLike):
            return self._read_file(os.fspath(value))
        if isinstance(value, bytes | bytearray | memoryview):
            return bytes(value)
        if isinstance(value, Image.Image):
            return _as_file(value)
        if isinstance(value, np.ndarray):
            return _as_file(_as_picture(value))
        raise MediaError(f"a picture is a path, bytes, a PIL image or an array, not {type(value).__name__}")

    def _read_file(self, path: str) -> bytes:
        if "://" in path:
            raise MediaError("it is an address; pictures are paths, bytes, PIL images or arrays here")
        try:
            with Path(path).expanduser().open("rb") as file:
                content = file.read(self._max_bytes + 1)
        except (OSError, ValueError, RuntimeError) as error:  # a zero byte in the path, or nobody's home
            why = (error.strerror if isinstance(error, OSError) else None) or str(error)
            raise MediaError(f"{path} cannot be read ({why})") from error
        if len(content) > self._max_bytes:
            raise MediaError(f"{path} is larger than {self._max_bytes} bytes (ERRATA_MEDIA_MAX_BYTES)")
        return content


def _as_picture(array: Any) -> Image.Image:
    """Return an array of (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) in [0, 255] as a picture."""
    is_flat = array.ndim == 2
    if not is_flat and not (array.ndim == 3 and array.shape[2] in _CHANNELS):
        raise MediaError(f"an array of {array.shape} is no picture: it has (height, width) or (height, width, 3 or 4)")
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * 255
    if not array.size or not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
        raise MediaError(f"an array of {array.shape} of {array.dtype} is no picture")
    if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 255):
        raise MediaError("an array of a picture holds numbers from 0 to 255")
    if np.issubdtype(array.dtype, np.floating) and array.max() <= 1 and array.max() > 0:
        raise MediaError("an array of a picture holds numbers from 0 to 255: multiply yours by 255")
    squeezed = array[:, :, 0] if not is_flat and array.shape[2] == 1 else array
    return Image.fromarray(np.ascontiguousarray(squeezed.round().astype(np.uint8)))


def _as_file(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    try:
        picture.save(file, "PNG")
    except (OSError, ValueError):  # a mode that PNG has not
        picture.convert("RGB").save(file, "PNG")
    return file.getvalue()
