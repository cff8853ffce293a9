"""What reading the review project asks of Label Studio: it is done after every answer, and every minute."""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from errata.audit.ports import Footprint, Trace
from errata.audit.snapshot import Snapshot
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.review_project import ReviewProject
from errata.labelstudio.review_setup import marker

CONFIG = """<View>
  <Image name="image" value="$image"/>
  <Choices name="label" toName="image"><Choice value="car"/></Choices>
</View>"""


@pytest.fixture
def review(server: Any, footprint: Footprint) -> Any:
    """Open project 5's review project on a server that says what a test tells it to."""
    client = LabelStudio(server.url, "0123456789abcdef", deadline_s=5)
    yield ReviewProject(client, Snapshot(server.url, 5, "Cars", CONFIG, (), (), (), Counter()), footprint)
    client.close()


def test_answers_are_read_without_what_is_not_needed(server: Any, reply: Any, review: Any) -> None:
    """Predictions and counts would be two thirds of what Label Studio writes."""
    project = {"id": 9, "description": marker(5), "label_config": "<View/>"}
    server.says(reply(200, [project]), reply(200, project), reply(200, {"tasks": [], "total": 0}))
    assert review.read() == []
    asked = parse_qs(urlsplit(server.seen[-1].path).query)
    assert asked["project"] == ["9"]
    assert "annotations" in asked["include"][0]
    assert "predictions" not in asked["include"][0]


def test_a_known_review_project_is_asked_for_by_its_id(
    server: Any, reply: Any, review: Any, footprint: Footprint
) -> None:
    """Listing all projects to find one takes the longer the more there are."""
    project = {"id": 9, "description": marker(5), "label_config": "<View/>"}
    footprint.add(5, Trace("review_project", "9"))
    server.says(reply(200, project))
    assert review.find() == 9
    assert [each.path for each in server.seen] == ["/api/projects/9/"]


def test_a_known_review_project_that_is_not_one_any_more_is_looked_for(
    server: Any, reply: Any, review: Any, footprint: Footprint
) -> None:
    """It was deleted, or its id is another project's since, as after Label Studio was set up anew."""
    for ref in ("8", "9"):
        footprint.add(5, Trace("review_project", ref))
    found = {"id": 12, "description": marker(5), "label_config": "<View/>"}
    server.says(
        reply(200, {"id": 9, "description": marker(50), "label_config": "<View/>"}),
        reply(404, {"detail": "No Project matches"}),
        reply(200, [found]),
        reply(200, found),
    )
    assert review.find() == 12
    assert [trace.ref for trace in footprint.of_project(5)] == ["8", "9", "12"]
