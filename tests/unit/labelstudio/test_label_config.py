"""Which controls of a label config can be audited."""

from __future__ import annotations

import pytest

from errata.errors import ConfigNotServed, UsageError
from errata.labelstudio.label_config import read_label_config, serveable
from errata_model.records import TextForm

IMAGE = '<Image name="image" value="$picture"/>'
TWO = '<Choice value="cat"/><Choice value="dog"/>'


def view(*parts: str) -> str:
    return f"<View>{''.join(parts)}</View>"


def test_a_single_choice_on_an_image_is_served() -> None:
    config = read_label_config(view(IMAGE, f'<Choices name="label" toName="image">{TWO}</Choices>'))
    (control,) = config.controls
    assert (control.name, control.kind, control.modality) == ("label", "choices", "image")
    assert (control.to_name, control.data_key, control.labels) == ("image", "picture", ("cat", "dog"))
    assert config.refused == ()


@pytest.mark.parametrize(
    ("tag", "form"),
    [
        ('<Text name="o" value="$body" granularity="word"/>', TextForm("Text")),
        ('<Text name="o" value="$body" valueType="url"/>', TextForm("Text", "url")),
        (
            '<HyperText name="o" value="$body" valuetype="url" inline="true"/>',
            TextForm("HyperText", "url", inline="true"),
        ),
        ('<Paragraphs name="o" value="$body"/>', TextForm("Paragraphs")),
        (
            '<Paragraphs name="o" value="$body" nameKey="who" textkey="says" layout="dialogue"/>',
            TextForm("Paragraphs", name_key="who", text_key="says"),
        ),
        ('<Table name="o" value="$body" valueType="csv|url"/>', TextForm("Table", "csv|url")),
        ('<List name="o" value="$body" title="Answers"/>', TextForm("List")),
    ],
)
def test_a_single_choice_on_whatever_holds_text_is_served(tag: str, form: TextForm) -> None:
    """The control says how the task's data hold the text."""
    config = read_label_config(view(IMAGE, tag, f'<Choices name="label" toName="o">{TWO}</Choices>'))
    (control,) = config.controls
    assert (control.modality, control.data_key, control.text) == ("text", "body", form)


def test_pictures_and_texts_of_one_config_are_told_apart() -> None:
    config = read_label_config(
        view(
            IMAGE,
            '<Text name="text" value="$body"/>',
            f'<Choices name="a" toName="image">{TWO}</Choices><Choices name="b" toName="text">{TWO}</Choices>',
        )
    )
    assert [(control.modality, control.text) for control in config.controls] == [
        ("image", None),
        ("text", TextForm("Text")),
    ]


def test_one_key_shown_in_two_ways_is_audited_in_the_first() -> None:
    """What a task shows under a key is one thing: the text of its HTML and the HTML itself are two."""
    config = read_label_config(
        view(
            '<HyperText name="page" value="$body"/><Text name="code" value="$body"/>',
            f'<Choices name="a" toName="page">{TWO}</Choices><Choices name="b" toName="code">{TWO}</Choices>',
        )
    )
    assert [control.name for control in config.controls] == ["a"]
    assert 'shows the key "body" as <Text>, where "a" has it as <HyperText>' in config.refused[0]


def test_an_alias_is_what_results_hold() -> None:
    config = read_label_config(
        view(IMAGE, '<Choices name="l" toName="image"><Choice value="Cat" alias="c"/><Choice value="d"/></Choices>')
    )
    assert config.controls[0].labels == ("c", "d")


def test_choices_in_views_and_under_others_count() -> None:
    nested = '<View><Choice value="cat"/></View><Choice value="dog"><Choice value="pug"/></Choice>'
    config = read_label_config(view(IMAGE, f'<Choices name="l" toName="image" choice="single">{nested}</Choices>'))
    assert config.controls[0].labels == ("cat", "dog", "pug")


def test_explicit_hotkeys_are_known_wherever_they_are() -> None:
    choices = '<Choice value="a" hotkey="q"/><Choice value="b"/>'
    config = read_label_config(
        view(
            IMAGE,
            f'<Choices name="l" toName="image">{choices}</Choices>',
            '<RectangleLabels name="box" toName="image"><Label value="x" hotkey="shift+w"/></RectangleLabels>',
        )
    )
    assert config.hotkeys == {"q", "shift+w"}


def test_other_controls_are_refused_by_tag_and_name_while_the_choice_is_served() -> None:
    config = read_label_config(
        view(
            IMAGE,
            f'<Choices name="l" toName="image">{TWO}</Choices>',
            '<Rectangle name="box" toName="image"/>',
            '<MagicWand name="wand" toName="image"/>',
        )
    )
    assert len(config.controls) == 1
    assert [text.split(" is not")[0] for text in config.refused] == [
        '<Rectangle name="box">',
        '<MagicWand name="wand">',
    ]


@pytest.mark.parametrize(
    ("attributes", "choices", "missing"),
    [
        ('name="l" toName="image" choice="several"', TWO, 'choice="several"'),
        ('name="l" toName="image" perRegion="true"', TWO, "perRegion"),
        ('name="l" toName="image" perItem="true"', TWO, "perItem"),
        ('name="l" toName="image" value="$options"', "", "come with the tasks"),
        ('name="l" toName="image" apiUrl="http://x"', "", "come with the tasks"),
        ('name="l" toName="nothing"', TWO, 'toName="nothing"'),
        ('name="l" toName="image,text"', TWO, "several objects"),
        ('name="l"', TWO, "no toName"),
        ('toName="image"', TWO, "no name"),
        ('name="image" toName="image"', TWO, "same name"),
        ('name="l_{{idx}}" toName="image"', TWO, "Repeater"),
        ('name="l" toName="sound" perRegion="true"', TWO, "perRegion"),
        ('name="l" toName="sayings"', TWO, 'value="it says"'),
        ('name="l" toName="coded"', TWO, 'encoding="base64"'),
        ('name="l" toName="album"', TWO, 'value=""'),
        ('name="l" toName="fixed"', TWO, 'value="http://x/a.png"'),
        ('name="l" toName="image"', "", "0"),
        ('name="l" toName="image"', '<Choice value="cat"/>', "1"),
        ('name="l" toName="image"', '<Choice value="a"/><Choice/>', "no value"),
        ('name="l" toName="image"', '<Choice value="a"/><Choice value="b" alias="a"/>', '"a" twice'),
    ],
)
def test_what_is_missing_is_said(attributes: str, choices: str, missing: str) -> None:
    xml = view(
        IMAGE,
        '<Audio name="sound" value="$sound"/><Image name="album" valueList="$images"/>',
        '<Text name="sayings" value="it says"/><Text name="coded" value="$coded" encoding="base64"/>',
        '<Image name="fixed" value="http://x/a.png"/>',
        f"<Choices {attributes}>{choices}</Choices>",
    )
    config = read_label_config(xml)
    assert config.controls == ()
    assert missing in config.refused[0]
    with pytest.raises(ConfigNotServed, match="<Choices") as raised:
        serveable(xml)
    assert missing in str(raised.value)


def test_a_config_without_controls_is_not_served() -> None:
    with pytest.raises(ConfigNotServed, match="no control at all"):
        serveable(view(IMAGE))


@pytest.mark.parametrize("xml", ["", "<View>", "no xml", "<View/><View/>", '<View a="1" a="2"/>', "<View>\x00</View>"])
def test_broken_xml_is_a_usage_error_that_says_where(xml: str) -> None:
    with pytest.raises(UsageError, match="line 1, column"):
        read_label_config(xml)


def test_entities_are_refused_before_they_grow() -> None:
    bomb = '<!DOCTYPE v [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><View>&b;</View>'
    with pytest.raises(UsageError, match='entity "a"'):
        read_label_config(bomb)


def test_external_entities_are_refused() -> None:
    with pytest.raises(UsageError, match='entity "a"'):
        read_label_config('<!DOCTYPE v [<!ENTITY a SYSTEM "file:///etc/passwd">]><View>&a;</View>')


def test_endless_nesting_is_refused() -> None:
    with pytest.raises(UsageError, match="nested"):
        read_label_config("<View>" * 100_000)
