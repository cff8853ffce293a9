"""Classes written for label-studio-ml as a source of belief."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from errata.audit.snapshot import Snapshot, Task
from errata.errors import NothingToLearn, UsageError
from errata.labelstudio.label_config import read_label_config
from errata.labelstudio.ml_class import ClassBeliever
from errata.user_classes import is_class_name
from errata_model.records import GivenLabel

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("label_studio_ml") is None, reason="label-studio-ml is not installed"),
    pytest.mark.filterwarnings("default"),  # those of label-studio-ml's own packages
]
CONFIG = """<View><Image name="image" value="$image"/>
<Choices name="animal" toName="image"><Choice value="cat"/><Choice value="dog"/></Choices></View>"""
BEGIN = """
import json
from label_studio_ml.model import LabelStudioMLBase

def animal(label, **more):
    return {"from_name": "animal", "to_name": "image", "type": "choices", "value": {"choices": [label]}, **more}
"""

Written = Callable[[str], str]


class Silence:
    def stage(self, name: str, total: int | None = None) -> None: ...
    def advance(self, n: int = 1) -> None: ...
    def say(self, text: str) -> None: ...


@pytest.fixture
def written(write_module: Callable[[str, str], str]) -> Written:
    """Write a module into the working directory; return its name."""
    return lambda code: write_module("animals", BEGIN + code)


def snapshot(n_tasks: int = 40) -> Snapshot:
    label = GivenLabel(1, 2, "rev", "animal", None, "choices", "cat", "hash")
    tasks = tuple(Task(n + 1, {"image": f"{n}.png"}, (label,), is_labeled=True) for n in range(n_tasks))
    controls = read_label_config(CONFIG).controls
    return Snapshot("http://ls.example.com/", 7, "Animals", CONFIG, controls, (), tasks)


def believe(name: str, **options: Any) -> dict[int, list[float]]:
    belief = ClassBeliever(name, **options).believe(snapshot(), Silence())
    (about,) = belief.artefact.beliefs
    rows = zip(about.task_ids, about.probabilities, strict=True)
    return {int(task_id): [round(float(p), 4) for p in row] for task_id, row in rows}


def test_a_class_is_made_and_asked_as_label_studio_ml_does(written: Written, capsys: Any) -> None:
    """The constructor gets config, host and token; tasks come in batches without labels; prints are no results."""
    module = written("""
import numpy as np

class Animals(LabelStudioMLBase):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.labels = self.parsed_label_config["animal"]["labels"]
        print("made with", self.hostname, self.access_token, self.train_output, kwargs["model_version"])

    def predict(self, tasks, **kwargs):
        print(f"{len(tasks)} tasks,", sorted(kwargs), {task["project"] for task in tasks})
        assert not any(task["annotations"] or task["predictions"] for task in tasks)
        score = np.float32(0.75)
        first, *others = [{"result": [animal(self.labels[task["id"] % 2])], "score": score} for task in tasks]
        return [[first], *others]  # several predictions for a task: the first is its best
""")
    said = believe(f"{module}:Animals", access_token="t0ken")
    assert said == {n: ([0.75, 0.25] if n % 2 == 0 else [0.25, 0.75]) for n in range(1, 41)}
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "made with http://ls.example.com t0ken {} None",
        *(f"{n} tasks, ['context', 'login', 'password'] {{7}}" for n in (16, 16, 8)),
    ]


def test_its_belief_counts_as_in_sample(written: Written) -> None:
    """Nobody knows what the class has learned from: one sentence says so."""
    module = written("""
class Animals(LabelStudioMLBase):
    def predict(self, tasks, **kwargs):
        return [{"result": [animal("cat")], "score": 0.9} for _ in tasks]
""")
    belief = ClassBeliever(f"{module}:Animals").believe(snapshot(), Silence())
    assert belief.caution.startswith(f"What {module}:Animals says counts as in-sample")
    assert belief.source == f'It is what the predictions "{module}:Animals" say.'


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("class Other: ...", "is not a LabelStudioMLBase"),
        ("Animals = 3", "there is no class Animals in .*animals_.*py"),
        ("", "there is no class Animals in"),
        ("class Animals(LabelStudioMLBase): ...", "has no method `predict`"),
        ("from label_studio_ml.response import ModelResponse", "is written for label-studio-ml 2.x.*--belief http://"),
        (
            "class Animals(LabelStudioMLBase):\n    def setup(self): ...\n    def predict(self, tasks, **_): ...",
            "is written for label-studio-ml 2.x",
        ),
        (
            "class Animals(LabelStudioMLBase):\n    predict = fit = None\n    def __init__(self, project_id=None): ...",
            "is written for label-studio-ml 2.x",
        ),
        ("import nowhere.to_be_found", "needs the module nowhere, which is not installed"),
        ("this is no Python", r"cannot be imported: SyntaxError at .*animals_\d+.py, line 7; mend it"),
        ("raise SystemExit(0)", r"cannot be imported: SystemExit at .*animals_\d+.py, line 7; mend it"),
    ],
)
def test_what_cannot_be_hosted_is_named(written: Written, code: str, problem: str) -> None:
    """Before anything is asked, and with the remedy."""
    module = written(code.replace("class Other", "class Animals"))
    with pytest.raises(UsageError, match=f"^{module}:Animals.*{problem}"):
        ClassBeliever(f"{module}:Animals")


@pytest.mark.parametrize("name", ["nowhere_at_all:Animals", "errata.nowhere:Animals", "nowhere_at_all.below:Animals"])
def test_a_module_that_is_not_there(written: Written, tmp_path: Path, name: str) -> None:
    """The error says where it was looked for."""
    written("")
    with pytest.raises(UsageError, match=f"there is no module .*nowhere.* in {tmp_path} or in the environment"):
        ClassBeliever(name)


def test_without_the_extra(written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command that installs it; where 2.x is installed, that it is another one, or to use the class by its URL."""
    module = written("")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(UsageError, match=r"which is not installed: pip install 'errata\[label-studio-ml\]'"):
        ClassBeliever(f"{module}:Animals")
    installed = tmp_path / "label_studio_ml-2.0.1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: label-studio-ml\nVersion: 2.0.1\n")
    with pytest.raises(UsageError, match=r"with label-studio-ml 2\.0\.1: pip install .*--belief http://HOST:PORT"):
        ClassBeliever(f"{module}:Animals")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("return json.loads('hunter2')", r"failed to predict: JSONDecodeError at .*animals_\d+.py, line 9; mend it"),
        ("return {'results': []}", "did not give one result for each of 16 tasks"),
        ("return [{}]", "did not give one result for each of 16 tasks"),
        ("return object()", r"failed to predict: TypeError at .*; mend it"),
    ],
)
def test_a_class_that_fails(written: Written, body: str, problem: str) -> None:
    """Kind and place of its own error, never the text: that may hold anything."""
    module = written(f"class Animals(LabelStudioMLBase):\n    def predict(self, tasks, **_):\n        {body}\n")
    with pytest.raises(UsageError, match=f"^{module}:Animals {problem}") as error:
        believe(f"{module}:Animals")
    assert "hunter2" not in str(error.value)


def test_a_class_that_cannot_be_made(written: Written) -> None:
    """Its constructor fails on this project, here because there is no training output of a host."""
    module = written("""
class Animals(LabelStudioMLBase):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.weights = self.train_output["weights"]

    def predict(self, tasks, **kwargs): ...
""")
    with pytest.raises(UsageError, match=r"cannot be made for this project: KeyError at .*animals_\d+.py, line 11"):
        believe(f"{module}:Animals")


def test_answers_that_say_nothing(written: Written) -> None:
    """Unknown labels, scores that are none and empty results are no belief."""
    module = written("""
class Animals(LabelStudioMLBase):
    def predict(self, tasks, **kwargs):
        said = [{}, [], None, {"result": [animal("bird")], "score": 0.9}, {"result": [animal("cat")], "score": 7}]
        return [said[n % 5] for n, _ in enumerate(tasks)]
""")
    with pytest.raises(NothingToLearn, match="no predictions that say anything"):
        believe(f"{module}:Animals")


@pytest.mark.parametrize("name", ["animals:Animals", "a.b_c.d1:E"])
def test_names_of_classes(name: str) -> None:
    """package.module:Class."""
    assert is_class_name(name)


@pytest.mark.parametrize(
    "name", ["own", "said.csv", "C:\\said.csv", "a:b:c", "a/b.py:C", ":C", "a:", "http://x:1", "1a:B"]
)
def test_names_of_nothing_of_the_sort(name: str) -> None:
    """Files, addresses and words are none."""
    assert not is_class_name(name)
