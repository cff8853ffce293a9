"""What /predict answers about controls that ask for no labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from errata.audit.beliefs import Artefact
from errata_model.kinds.values.records import Opinion, ValueBelief
from errata_model.records import Control, ValueForm

STARS = Control("stars", "values", "image", "image", "image", (), type="rating", value=ValueForm(1, 5))
NOTE = Control("note", "values", "image", "image", "image", (), type="textarea", value=ValueForm())
CONFIG = """<View><Image name="image" value="$image"/><Rating name="stars" toName="image"/>
<TextArea name="note" toName="image"/></View>"""


def test_what_a_model_answers_is_predicted_and_what_people_answer_is_not(
    world: Callable[..., Any], task: Callable[..., Any]
) -> None:
    """The score is that of the least sure answer; other annotators' answers are shown to nobody."""
    w = world(is_audited=False)
    of_model = ValueBelief(STARS, {1: [Opinion(4, 0.8)]}, None, "theirs")
    of_people = ValueBelief(NOTE, {1: [Opinion(["a"], 1.0, "7")], 2: [Opinion(["b"], 1.0, "7")]})
    w.artefacts.save(1, Artefact("errata-values", (), (), (of_model, of_people)))
    said, nothing = w.predict(task(1), task(2), label_config=CONFIG)
    (region,) = said["result"]
    assert (region["from_name"], region["type"], region["value"], region["score"]) == (
        "stars", "rating", {"rating": 4}, 0.8,
    )  # fmt: skip
    assert (said["score"], said["model_version"]) == (0.8, "errata-values")
    assert nothing["result"] == []
    assert nothing["model_version"] != "errata-values"


def test_a_control_that_the_config_lost_is_not_predicted(world: Callable[..., Any], task: Callable[..., Any]) -> None:
    """What no form asks for any more would be dropped by Label Studio."""
    w = world(is_audited=False)
    beliefs = tuple(
        ValueBelief(control, {1: [Opinion(answer)]}, None, "v") for control, answer in ((STARS, 4), (NOTE, ["a"]))
    )
    w.artefacts.save(1, Artefact("errata-values", (), (), beliefs))
    (said,) = w.predict(task(1), label_config=CONFIG.replace('<Rating name="stars" toName="image"/>', ""))
    assert [region["from_name"] for region in said["result"]] == ["note"]
