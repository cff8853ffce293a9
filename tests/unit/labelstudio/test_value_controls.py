"""Controls that ask for no labels, as a label config has them."""

from __future__ import annotations

import pytest

from errata.errors import ConfigNotServed
from errata.labelstudio.label_config import read_label_config, serveable
from errata_model.records import ValueForm

CONFIG = """<View>
<Image name="image" value="$image"/><Text name="text" value="$text"/><Text name="other" value="$other"/>
<List name="items" value="$items"/><Video name="video" value="$video"/><Audio name="audio" value="$audio"/>
<Choices name="label" toName="image"><Choice value="cat"/><Choice value="dog"/></Choices>
<Rating name="stars" toName="image" maxRating="7"/><TextArea name="note" toName="text"/>
<Number name="loud" toName="audio" min="0" max="10"/>
<Pairwise name="better" toName="text,other"/><Ranker name="order" toName="items"/>
<VideoRectangle name="box" toName="video"/><Labels name="what" toName="video"><Label value="car"/></Labels>
<TimelineLabels name="act" toName="video"><Label value="run"/></TimelineLabels></View>"""


def test_every_control_is_read_beside_the_others() -> None:
    """Each with its type, its object and its scale; <Labels> of tracked objects are no control of their own."""
    config = read_label_config(CONFIG)
    assert config.refused == ()
    found = {each.name: each for each in config.controls}
    said = {name: (each.kind, each.type, each.modality, each.data_key) for name, each in found.items()}
    assert said == {
        "label": ("choices", "choices", "image", "image"),
        "stars": ("values", "rating", "image", "image"),
        "note": ("values", "textarea", "text", "text"),
        "loud": ("values", "number", "audio", "audio"),
        "better": ("values", "pairwise", "text", "text"),
        "order": ("values", "ranker", "text", "items"),
        "box": ("values", "videorectangle", "video", "video"),
        "act": ("values", "timelinelabels", "video", "video"),
    }
    assert found["stars"].value == ValueForm(1, 7)
    assert found["loud"].value == ValueForm(0, 10)
    assert all(each.takes_none for each in found.values() if each.has_values)
    required = read_label_config(CONFIG.replace('name="note"', 'name="note" required="true"'))
    assert [each.name for each in required.controls if each.has_values and not each.takes_none] == ["note"]


@pytest.mark.parametrize(
    ("tag", "why"),
    [
        ('<Rating name="a" toName="image" perRegion="true"/>', "asked of regions (perRegion)"),
        ('<TextArea name="a"/>', "it has no toName"),
        ('<TextArea name="a" toName="nowhere"/>', 'toName="nowhere" names no object'),
        ('<Ranker name="a" toName="image"/>', "labels a <Image>, where <List> is needed"),
        ('<Pairwise name="a" toName="image,nowhere"/>', 'toName="nowhere" names no object'),
        ('<VideoRectangle name="a" toName="image"/>', "where <Video> is needed"),
        ('<Rating name="a{{idx}}" toName="image"/>', "it is repeated"),
        ('<Vector name="a" toName="image"/>', "errata audits no <Vector>"),
        ('<Chat name="a" value="$chat"/>', "errata audits no <Chat>"),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name(tag: str, why: str) -> None:
    """The tag, its name and what is missing; alone in a config, with tags that would do."""
    xml = f'<View><Image name="image" value="$image"/>{tag}</View>'
    (refused,) = read_label_config(xml).refused
    name = tag[1:].split(maxsplit=1)[0]
    assert refused.startswith(f"<{name} name=")
    assert why in refused
    with pytest.raises(ConfigNotServed, match="Served are"):
        serveable(xml)


@pytest.mark.parametrize(
    ("tag", "modality"), [("Audio", "audio"), ("Video", "video"), ("TimeSeries", "timeseries"), ("PDF", "other")]
)
def test_labels_of_what_errata_cannot_learn_are_compared(tag: str, modality: str) -> None:
    """Choices and taxonomies of sounds, videos and time series, with everything that is asked of them elsewhere."""
    xml = (
        f'<View><{tag} name="it" value="$it"/><Choices name="label" toName="it"><Choice value="a"/><Choice value="b"/>'
        '</Choices><Taxonomy name="path" toName="it"><Choice value="a"><Choice value="b"/></Choice></Taxonomy>'
        '<Choices name="part" toName="it" perRegion="true"><Choice value="a"/><Choice value="b"/></Choices></View>'
    )
    config = read_label_config(xml)
    said = [(each.name, each.kind, each.type, each.modality, each.labels) for each in config.controls]
    assert said == [
        ("label", "values", "choices", modality, ("a", "b")),
        ("path", "values", "taxonomy", modality, ("a", "a > b")),
    ]
    assert "perRegion" in config.refused[0]


def test_an_answer_about_what_another_control_labels_otherwise_is_no_conflict() -> None:
    """Nothing is encoded for an answer that is only compared: a rating of a text that is shown as an image, too."""
    xml = (
        '<View><Image name="image" value="$it"/><Text name="text" value="$it"/>'
        '<Rating name="stars" toName="text"/><Choices name="label" toName="image">'
        '<Choice value="a"/><Choice value="b"/></Choices></View>'
    )
    assert [each.name for each in read_label_config(xml).controls] == ["stars", "label"]
