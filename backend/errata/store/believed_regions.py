"""Beliefs about regions as JSON and arrays: what `artefacts` writes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errata.audit.beliefs import RegionBelief, UsedEncoder
from errata.store.packed_shapes import Bits, pack_shape, unpack_shape
from errata_model.records import Control
from errata_model.regions.records import Believed, Region


def pack(belief: RegionBelief, prefix: str, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Return a belief as JSON; what it has as arrays goes into `arrays` under names that begin with `prefix`."""
    arrays[f"{prefix}task_ids"] = belief.task_ids
    if belief.annotation_ids is not None:
        arrays[f"{prefix}annotation_ids"] = belief.annotation_ids
    for part, named in (("model", belief.model or {}), ("calibration", belief.calibration)):
        arrays.update({f"{prefix}{part}/{name}": array for name, array in named.items()})
    evidence = sorted({name for believed in belief.believed for name in believed.evidence})
    for name in evidence:
        _pack_ragged([believed.evidence[name] for believed in belief.believed], f"{prefix}evidence/{name}/", arrays)
    bits: list[NDArray[np.uint8]] = []
    believed = [[_plain(region, bits) for region in each.regions] for each in belief.believed]
    if bits:
        arrays[f"{prefix}bits"] = np.concatenate(bits)
    return {
        "control": asdict(belief.control),
        "content_keys": belief.content_keys,
        "sizes": belief.sizes,
        "believed": believed,
        "evidence": evidence,
        "calibration": sorted(belief.calibration),
        "model": None if belief.model is None else sorted(belief.model),
        "encoder": None if belief.encoder is None else asdict(belief.encoder),
    }


def unpack(
    row: Mapping[str, Any],
    prefix: str,
    arrays: Mapping[str, NDArray[Any]],
    control: Control,
    encoder: UsedEncoder | None,
) -> RegionBelief:
    """Return the belief that `pack` made JSON and arrays of."""
    task_ids = arrays[f"{prefix}task_ids"]
    evidence = {name: _unpack_ragged(f"{prefix}evidence/{name}/", arrays) for name in row["evidence"]}
    bits = Bits(arrays[f"{prefix}bits"] if f"{prefix}bits" in arrays else np.zeros(0, np.uint8))
    regions = [tuple(_region(each, bits) for each in of_task) for of_task in row["believed"]]
    return RegionBelief(
        control=control,
        task_ids=task_ids,
        content_keys=tuple(row["content_keys"]),
        believed=tuple(
            Believed(of_task, {name: parts[n] for name, parts in evidence.items()}) for n, of_task in enumerate(regions)
        ),
        calibration={name: arrays[f"{prefix}calibration/{name}"] for name in row["calibration"]},
        sizes=tuple(None if size is None else (size[0], size[1]) for size in row["sizes"]),
        model=None if row["model"] is None else {name: arrays[f"{prefix}model/{name}"] for name in row["model"]},
        encoder=encoder,
        annotation_ids=arrays.get(f"{prefix}annotation_ids"),
    )


def _plain(region: Region, bits: list[NDArray[np.uint8]]) -> list[Any]:
    return [region.id, region.label, region.score, *pack_shape(region.shape, bits)]


def _region(said: Sequence[Any], bits: Bits) -> Region:
    region_id, label, score, *packed = said
    return Region(region_id, label, unpack_shape(packed, bits), score)


def _pack_ragged(parts: Sequence[NDArray[Any]], prefix: str, arrays: dict[str, NDArray[Any]]) -> None:
    """Lay arrays of any lengths and shapes, of the same type and number of axes, end to end."""
    arrays[f"{prefix}shapes"] = np.array([part.shape for part in parts], dtype=np.int64).reshape(len(parts), -1)
    arrays[f"{prefix}flat"] = np.concatenate([part.ravel() for part in parts]) if parts else np.zeros(0, np.float32)


def _unpack_ragged(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    shapes, flat = arrays[f"{prefix}shapes"], arrays[f"{prefix}flat"]
    ends = np.cumsum(shapes.prod(axis=1))
    return [
        part.reshape(tuple(shape))
        for part, shape in zip(np.split(flat, ends[:-1]) if len(ends) else [], shapes.tolist(), strict=True)
    ]
