from __future__ import annotations

from typing import Any

import pytest

from errata.audit.progress import LineProgress
from errata.errors import UsageError
from errata.labelstudio.annotations import SourceAnnotations
from errata.labelstudio.selection import ChosenSource
from errata.labelstudio.task_list import task_filter

QUIET = LineProgress(lambda _: None)


def test_a_tab_is_read_whole_with_its_filters_and_its_order(label_studio: Any, project: Any) -> None:
    """Over several pages, whatever joins its filters; a tab of another project is refused, naming those there are."""
    source, other = project(["car"] * 4 + ["truck"] * 4), project()
    trucks = task_filter("annotations_results", "contains", "String", "truck")
    first = task_filter("id", "equal", "Number", source.task_ids[0])
    filters = {"conjunction": "or", "items": [trucks, first]}
    view = {"title": "Trucks", "type": "list", "target": "tasks", "ordering": ["-tasks:id"], "filters": filters}
    tab = label_studio.client.post("api/dm/views/", {"project": source.id, "data": view})["id"]
    wanted = [*reversed(source.task_ids[4:]), source.task_ids[0]]
    for page_size in (2, 5, 1000):  # the last page is full, the only one is full, or neither
        assert ChosenSource(label_studio.client, source.id, page_size).of_tab(tab) == wanted
    with pytest.raises(UsageError, match=rf"no tab {tab + 999}; it has: {tab} \(Trucks\)\."):
        ChosenSource(label_studio.client, source.id).of_tab(tab + 999)
    with pytest.raises(UsageError, match=f"Project {other.id} has no tab {tab}; it has: none"):
        ChosenSource(label_studio.client, other.id).of_tab(tab)


def test_chosen_tasks_are_those_of_the_project(label_studio: Any, project: Any) -> None:
    """Other projects' tasks, and numbers that no database holds, are none; labels are read as an audit reads them."""
    source, other = project(), project()
    chosen = ChosenSource(label_studio.client, source.id)
    asked = [*source.task_ids[:2], other.task_ids[0], 0, 2**40, 10**30]
    assert chosen.known(asked) == set(source.task_ids[:2])
    read = chosen.read_chosen(asked, QUIET)
    labels = [(label.annotation_id, label.label) for task in read.tasks for label in task.labels]
    assert labels == list(zip(source.annotation_ids, source.labels, strict=True))[:2]


def test_results_of_tasks_are_those_of_their_annotations(label_studio: Any, project: Any) -> None:
    """A plan looks at many tasks in one request: what it sees is what reading each annotation would give."""
    source = project()
    skipped = source.annotation_ids[1]
    label_studio.client.patch(f"api/annotations/{skipped}/", {"was_cancelled": True})
    annotations = SourceAnnotations(label_studio.client, source.id)
    one_by_one = {id_: list(found.result) for id_, found in annotations.read(source.annotation_ids).items()}
    assert {id_: list(result) for id_, result in annotations.results_of(source.task_ids).items()} == one_by_one
    assert one_by_one.keys() == set(source.annotation_ids) - {skipped}
