"""Beliefs about answers that are no labels as JSON: what `artefacts` writes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from errata_model.kinds.values.records import Opinion, ValueBelief
from errata_model.records import Control


def pack_values(belief: ValueBelief) -> dict[str, Any]:
    """Return a belief as JSON."""
    opinions = [[task_id, [asdict(each) for each in said]] for task_id, said in belief.opinions.items()]
    return {
        "control": asdict(belief.control),
        "opinions": opinions,
        "spread": belief.spread,
        "version": belief.version,
    }


def unpack_values(row: Mapping[str, Any], control: Control) -> ValueBelief:
    """Return the belief that `pack_values` made JSON of."""
    opinions = {int(task_id): tuple(Opinion(**each) for each in said) for task_id, said in row["opinions"]}
    return ValueBelief(control, opinions, row["spread"], row["version"])
