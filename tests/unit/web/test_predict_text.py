"""What the model says about texts, answered from the tasks' own data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from errata.audit.beliefs import Artefact, ControlBelief, UsedEncoder
from errata.audit.embed_text import text_key
from errata_model.encoders.text import load_text_encoder
from errata_model.kinds.choices.learner import fit_choices
from errata_model.records import Control, TextForm

WORDS = UsedEncoder("words-1", "words")
CONFIG = (
    '<View><HyperText name="page" value="$page"/><Choices name="label" toName="page">'
    '<Choice value="animal"/><Choice value="vehicle"/></Choices></View>'
)
CONTROL = Control("label", "choices", "text", "page", "page", ("animal", "vehicle"), TextForm("HyperText"))
WORDS_OF = (("cat", "dog", "horse", "mouse"), ("car", "truck", "train", "tram"))


def texts(n: int) -> list[str]:
    """Return n texts; every second one is about a vehicle."""
    return [f"a {WORDS_OF[i % 2][i // 2 % 4]} in the {WORDS_OF[i % 2][i // 3 % 4]} of number {i}" for i in range(n)]


def artefact(form: TextForm = TextForm("HyperText")) -> Artefact:  # noqa: B008  frozen
    said = texts(40)
    rows = load_text_encoder("words").encode(said)
    targets = np.eye(2, dtype=np.float32)[np.arange(40) % 2]
    fitted = fit_choices(rows, targets, np.arange(40))
    control = replace(CONTROL, text=form)
    keys = tuple(map(text_key, said))
    belief = ControlBelief(
        control, np.arange(1, 41, dtype=np.int64), keys, fitted.probabilities, fitted.model.arrays(), WORDS
    )
    return Artefact("errata-words", (belief,))


@pytest.fixture
def about_texts(world: Any) -> Any:
    """Serve a belief about texts."""
    w = world(is_audited=False)
    w.artefacts.save(1, artefact())
    return w


def ask(world: Any, *pages: object) -> list[dict[str, Any]]:
    tasks = [{"id": 1 + n, "data": {"page": page}, "is_labeled": False} for n, page in enumerate(pages)]
    answer: list[dict[str, Any]] = world.predict(*tasks, label_config=CONFIG)
    return answer


def label_of(result: dict[str, Any]) -> Any:
    return result["result"][0]["value"]["choices"][0] if result["result"] else None


def test_texts_are_answered_from_the_tasks_themselves(about_texts: Any) -> None:
    """Audited text by its out-of-sample row, new text by the model, empty text by none; nothing is fetched."""
    first = texts(40)[0]
    (belief,) = artefact().beliefs
    results = ask(about_texts, f"<p>{first}</p>", "<b>the truck and the tram</b>", "a horse, a mouse", " <br> ", None)
    assert [label_of(each) for each in results] == ["animal", "vehicle", "animal", None, None]
    assert results[0]["score"] == round(float(belief.probabilities[0].max()), 4)
    assert [each["model_version"] for each in results[2:4]] == ["errata-words", "errata-words-unusable"]
    assert about_texts.encoders.embedded == []
    assert about_texts.index.asked == []
    assert about_texts.queue.jobs == []


def test_an_edited_text_is_believed_by_what_it_says_now(about_texts: Any) -> None:
    """The task is the same, its text is another: the row of the old text is not given out."""
    (old,), (new,) = ask(about_texts, texts(40)[0]), ask(about_texts, "the train, the tram and the truck")
    assert (label_of(old), label_of(new)) == ("animal", "vehicle")


def test_odd_data_get_an_answer_each(about_texts: Any) -> None:
    """What stands in data in place of a text ends no request."""
    odd = (12, ["a dog", "a cat"], {"x": 1}, "\x00text:abc", True)
    results = ask(about_texts, *odd)
    assert len(results) == len(odd)
    assert label_of(results[1]) == "animal"


def test_a_text_behind_an_address_is_left_to_the_thread(world: Callable[..., Any]) -> None:
    """What has to be fetched is fetched once, and the audited row is served by what was found there."""
    w = world(is_audited=False)
    w.artefacts.save(1, artefact(TextForm("Text", "url")))
    w.encoders.media = {"/data/upload/1/a.txt": "content-1"}
    results = ask(w, "/data/upload/1/a.txt", "/data/upload/1/gone.txt")
    assert sorted(w.encoders.embedded) == ["/data/upload/1/a.txt", "/data/upload/1/gone.txt"]
    assert results[0] == []
    assert results[1]["model_version"] == "errata-words-unusable"
    assert [name for name, *_ in w.queue.jobs] == ["audit"]
