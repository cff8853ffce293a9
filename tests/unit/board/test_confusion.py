from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from errata.boards.confusion import Matrix, matrix
from errata.boards.table import BoardTable

Make = Callable[..., BoardTable]
LABELS = tuple("abcdefgh")


def cells_of(found: Matrix, n: int) -> Counter[tuple[str | None, str | None]]:
    everything = np.ones(n, np.bool_)
    said = found.as_json(everything, (everything, everything, everything))
    return Counter({(said["labels"][cell[0]], said["labels"][cell[1]]): cell[2] for cell in said["cells"]})


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ends=st.lists(st.tuples(st.sampled_from([*LABELS, None]), st.sampled_from([*LABELS, None])), max_size=50),
    most=st.integers(0, 9),
)
def test_every_label_is_in_its_cell(make_board: Make, ends: list, most: int) -> None:
    """However many labels are put into blocks, and whichever there are."""
    table = make_board([(*each, 0.5) for each in ends], labels=LABELS)
    found = matrix(table, np.arange(len(ends)), most)
    assert cells_of(found, len(ends)) == Counter(ends)
    assert len(set(found.labels)) == len(found.labels)
    assert None not in found.labels[:-1]
    assert list(found.blocks) == sorted(set(found.blocks))
    assert found.blocks[:1] == ((0,) if found.labels else ())
    assert all(start < len(found.labels) for start in found.blocks)


def test_labels_that_are_mistaken_for_one_another_stand_together(make_board: Make) -> None:
    """Before those that are mistaken for none, which keep their own order; where nothing is given is last."""
    ends = [("a", "a"), ("c", "c"), ("b", "h"), ("h", "b"), ("b", "b"), ("h", "h"), ("d", "f"), ("f", "f"), (None, "a")]
    table = make_board([(*each, 0.5) for each in ends * 9], labels=LABELS)
    found = matrix(table, np.arange(len(table)))
    blocks = [set(found.labels[start:end]) for start, end in zip(found.blocks, [*found.blocks[1:], None], strict=True)]
    assert sorted(map(sorted, blocks[:2])) == [["b", "h"], ["d", "f"]]
    assert found.labels[4:] == ("a", "c", None)
    few = matrix(table, np.arange(len(table)), 2)
    assert set(few.labels[:2]) == {"b", "h"}  # mistaken twice as often
    assert few.labels[2:] == ("a", "c", "d", "f", None)
