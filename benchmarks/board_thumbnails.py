"""How many thumbnails errata makes a second, by itself and through its pages' server."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import httpx
from board_chromium import Pages

from errata.boards.crops import Crop, render_crop
from errata.boards.table import BoardTable

MAX_PIXELS = 50_000_000
TILE_PX = 160  # the size that the board asks for in the benchmark's window


def thumbnails(files: Sequence[bytes], n: int, size: int) -> tuple[float, float]:
    """Return how many a second two threads make of the files' bytes, and milliseconds of a core for each."""
    crop = Crop(None, "25", size)
    with ThreadPoolExecutor(2) as pool:
        began, busy = time.perf_counter(), time.process_time()
        list(pool.map(lambda number: render_crop(files[number % len(files)], crop, MAX_PIXELS), range(n)))
        took_s, busy_s = time.perf_counter() - began, time.process_time() - busy
    return round(n / took_s, 1), round(1000 * busy_s / n, 2)


def by_http(
    pages: Pages, forget: Callable[[], None], table: BoardTable, n: int, n_clients: int = 6
) -> dict[str, float]:
    """Return how many a second browsers get, six at a time: fetched and rendered, rendered alone, and kept."""
    forget()
    rows = [row * len(table.labels) for row in range(n)]  # each with a file of its own
    folder = f"{pages.url}api/projects/{table.project_id}/pictures/{quote(table.version)}"
    found = {}
    with httpx.Client(trust_env=False, timeout=120, headers={"X-Errata": "board"}) as http:
        http.post(f"{pages.url}api/session", json={"token": pages.token}).raise_for_status()

        def get(address: str) -> int:
            return len(http.get(address).raise_for_status().content)

        for what, size in (("fetched_and_rendered", TILE_PX), ("rendered", 2 * TILE_PX), ("kept", TILE_PX)):
            addresses = [f"{folder}/{row}.jpg?context=25&size={size}" for row in rows]
            with ThreadPoolExecutor(n_clients) as pool:
                began = time.perf_counter()
                list(pool.map(get, addresses))
                found[what] = round(n / (time.perf_counter() - began), 1)
    return found
