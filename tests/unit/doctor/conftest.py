"""A Label Studio that is a dictionary of answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from errata.audit.ports import Trace
from errata.doctor.ties import Tied

URL = "https://ls.example.com/label-studio/"


@dataclass
class FakeApi:
    """Answers from dictionaries; an exception among the answers is raised."""

    answers: dict[str, Any] = field(default_factory=dict)
    looks: dict[str, httpx.Response] = field(default_factory=dict)
    url: str = URL

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        said = self.answers[f"{path}?project={params['project']}" if params and "project" in params else path]
        if isinstance(said, Exception):
            raise said
        return said

    def look(self, path: str, timeout_s: float) -> httpx.Response:
        return self.looks[path]

    def owns(self, url: str) -> bool:
        return url.startswith(self.url)


@pytest.fixture
def api() -> Callable[..., FakeApi]:
    return FakeApi


def make_hook(id_: int, **changes: Any) -> dict[str, Any]:
    """Return a webhook as errata makes it."""
    labels = ["ANNOTATION_CREATED", "ANNOTATIONS_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_DELETED"]
    return {
        "id": id_,
        "url": "https://errata.example.com/webhook",
        "send_payload": True,
        "send_for_all_actions": False,
        "actions": [*labels, "TASKS_CREATED", "TASKS_DELETED"],
        "headers": {"X-Errata-Secret": "s3cret"},
        "is_active": True,
        **changes,
    }


@pytest.fixture
def hook() -> Callable[..., dict[str, Any]]:
    return make_hook


@pytest.fixture
def tied() -> Callable[..., Tied]:
    """Make project 12, tied by webhook 3, webhook 4 of its review project 13, and ML backend 5."""

    def make(*left_out: str, public_url: str | None = "https://errata.example.com") -> Tied:
        traces = [
            Trace("review_project", "13"),
            Trace("webhook", "3", {"project": 12}),
            Trace("webhook", "4", {"project": 13}),
            Trace("ml_backend", "5"),
        ]
        return Tied(12, [trace for trace in traces if trace.kind not in left_out], public_url, "s3cret")

    return make
