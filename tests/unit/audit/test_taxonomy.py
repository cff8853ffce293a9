"""Paths of a taxonomy in an audit: a near miss is not a far miss."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from errata.audit.suspect import find_suspects
from errata.labelstudio.codecs import Codecs
from errata_model.records import Control

PATHS = ("animal > cat", "animal > dog", "thing > cup")


def test_the_far_miss_comes_first(project: Any, believed: Any, control: Control) -> None:
    """Of two labels that the belief is equally sure are wrong; both are suspects, with the path that it believes."""
    kinds = replace(control, kind="taxonomy", type="taxonomy", labels=PATHS)
    snapshot = project("animal > cat", "thing > cup", "animal > dog", controls=(kinds,))
    belief = believed([(0.02, 0.96, 0.02)] * 3, of=kinds)
    found = find_suspects(snapshot, belief, Codecs(), detectors=())
    assert [(f.given.task_id, f.disagreement) for f in found.all] == [(2, 0.98), (1, 0.5), (3, 0.03)]
    assert [f.proposal.value["value"] for f in found.suspects if f.proposal] == [{"taxonomy": [["animal", "dog"]]}] * 2
    assert [f.proposal.top[0][0] for f in found.suspects if f.proposal] == ["animal > dog"] * 2
