"""How well wrong boxes, masks and spans are found: all that `kinds_*.py` measure, in one table.

    python benchmarks/kinds.py [--quick] [boxes cells masks spans]

Each says in its first lines what it measures and beside what. The table shows the figures that something is wanted of;
the line of JSON has all.
"""

from __future__ import annotations

import argparse
import json
import os
import time

import kinds_boxes
import kinds_cells
import kinds_masks
import kinds_spans
from rich.console import Console
from rich.table import Table

PARTS = {
    "boxes": kinds_boxes.measure,
    "cells": kinds_cells.measure,
    "masks": kinds_masks.measure,
    "spans": kinds_spans.measure,
}
WANTED = "_wanted"


def main() -> None:
    """Print a table, and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a look at it; the figures count for nothing")
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all of them where none is named"
    )
    chosen = parser.parse_args()
    if unknown := set(chosen.parts) - set(PARTS):
        parser.error(f"there is no {', '.join(sorted(unknown))} among {', '.join(PARTS)}")
    table = Table("part", "figure", "wanted", "found", "")
    results = {}
    for part in chosen.parts or PARTS:
        began = time.perf_counter()
        figures = results[part] = PARTS[part](chosen.quick)
        figures["benchmark_s"] = round(time.perf_counter() - began, 1)
        for name in [name.removesuffix(WANTED) for name in figures if name.endswith(WANTED)]:
            found, wanted = figures[name], figures[name + WANTED]
            is_reached = "reached" if found >= wanted else "not reached"
            table.add_row(part, name.replace("_", " "), f"{wanted:g}", f"{found:.3f}", is_reached)
    Console().print(table)
    about = {"benchmark": "kinds", "quick": chosen.quick, "load": os.getloadavg()[0]}
    print(json.dumps({**about, "results": results}))


if __name__ == "__main__":
    main()
