"""Parts of a file, as players ask for them."""

from __future__ import annotations

import re

from starlette.responses import Response

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


def ranged(content: bytes, asked: str | None, headers: dict[str, str]) -> Response:
    """Return a file, or the part of it that is asked for.

    Args:
        content: the whole file.
        asked: the request's `Range`; several parts at once, and what is not understood, give the whole.
        headers: of the answer.

    Source: RFC 9110, section 14.
    """
    headers = {**headers, "Accept-Ranges": "bytes"}
    match = _RANGE.fullmatch(asked.replace(" ", "")) if asked else None
    if match is None or not (match[1] or match[2]):
        return Response(content, headers=headers)
    end = len(content)
    if not match[1]:  # so many from the end
        first, last = max(0, end - int(match[2])), end - 1
    else:
        first, last = int(match[1]), min(int(match[2]), end - 1) if match[2] else end - 1
    is_wrong = bool(match[1] and match[2]) and int(match[2]) < int(match[1])
    if is_wrong:
        return Response(content, headers=headers)
    if first >= end or last < first:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{end}"})
    return Response(content[first : last + 1], 206, {**headers, "Content-Range": f"bytes {first}-{last}/{end}"})
