"""The learner of spans, over sentences that are made up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from errata_model.kinds.spans.doubts import calibrate, find_doubts
from errata_model.kinds.spans.learner import fit_spans, n_unusable
from errata_model.kinds.spans.model import load_spans_model
from errata_model.regions.records import Believed, Doubt, FittedRegions, Item, Region
from errata_model.regions.shapes import Span

LABELS = ("PER", "LOC")
PEOPLE = ("Alice Jones", "Bob", "Carol Ann Smith", "Dave", "Erin Brown", "Frank Miller")
PLACES = ("Paris", "New York", "Rome", "Upper Austria", "Oslo", "Lake Como")
SENTENCES = (
    "yesterday {per} went to {loc} again .",
    "in {loc} it rained , said {per} .",
    "{per} lives near {loc} now .",
    "they asked {per} about it .",
    "nothing was heard from {loc} .",
)

Marked = tuple[str, tuple[Region, ...]]


def sentences(n: int, seed: int) -> list[Marked]:
    """Return made-up sentences with the spans that are in them."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(n):
        text, regions = str(rng.choice(SENTENCES)), []
        for label, field, names in (("PER", "{per}", PEOPLE), ("LOC", "{loc}", PLACES)):
            if field in text:
                name = str(rng.choice(names))
                text = text.replace(field, name)
                regions.append((label, name))
        made.append(
            (
                text,
                tuple(
                    Region(name, label, Span(text.index(name), text.index(name) + len(name))) for label, name in regions
                ),
            )
        )
    return made


def fit(marked: list[Marked], **options: object) -> FittedRegions:
    texts, given = zip(*marked, strict=True)
    return fit_spans(texts, given, LABELS, np.arange(len(texts)), **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def right() -> list[Marked]:
    return sentences(300, 0)


@pytest.fixture(scope="module")
def fitted(right: list[Marked]) -> FittedRegions:
    return fit(right)


def test_what_is_marked_elsewhere_is_believed(right: list[Marked], fitted: FittedRegions) -> None:
    """Spans and their labels are found in texts whose own labels were never shown."""
    hits = [
        {(r.label, r.shape) for r in regions} == {(r.label, r.shape) for r in believed.regions if (r.score or 0) > 0.5}
        for (_, regions), believed in zip(right, fitted.believed, strict=True)
    ]
    assert np.mean(hits) > 0.95


def test_evidence_is_of_each_token(right: list[Marked], fitted: FittedRegions) -> None:
    """Probabilities of no span and each label sum to 1, one row a token."""
    evidence = fitted.believed[0].evidence
    words = [right[0][0][start:end] for start, end in zip(evidence["starts"], evidence["ends"], strict=True)]
    assert words == right[0][0].split()
    assert evidence["probabilities"].shape == (len(words), 1 + len(LABELS))
    np.testing.assert_allclose(evidence["probabilities"].sum(axis=1), 1, atol=1e-5)


def test_a_belief_has_not_seen_the_labels_of_its_group(right: list[Marked]) -> None:
    """What is given in a group moves nothing that is believed of its texts, exactly."""
    marked = right[:60]
    texts = [text for text, _ in marked]
    groups = np.arange(60) // 2
    before = [regions for _, regions in marked]
    after = [(), tuple(Region("", "LOC", r.shape) for r in before[1]), *before[2:]]
    labelled = np.ones(60, dtype=bool)
    beliefs = [fit_spans(texts, given, LABELS, groups, is_labelled=labelled).believed for given in (before, after)]
    for row in (0, 1):
        for name, values in beliefs[0][row].evidence.items():
            np.testing.assert_array_equal(values, beliefs[1][row].evidence[name])
    changed = [
        n
        for n in range(2, 60)
        if (beliefs[0][n].evidence["probabilities"] != beliefs[1][n].evidence["probabilities"]).any()
    ]
    assert changed  # and all others do see it, but for its fold


def test_the_same_seed_gives_the_same(right: list[Marked]) -> None:
    """Fitting is repeatable, also where some texts are not labelled: those are believed about, too."""
    is_labelled = np.arange(80) % 4 > 0
    first, second = (fit(right[:80], is_labelled=is_labelled, seed=3) for _ in range(2))
    for one, other in zip(first.believed, second.believed, strict=True):
        np.testing.assert_array_equal(one.evidence["probabilities"], other.evidence["probabilities"])
    assert all(len(believed.regions) for believed in first.believed[:4])


def test_the_model_believes_about_new_texts(right: list[Marked], fitted: FittedRegions) -> None:
    """A model read back from its arrays marks texts that it never saw."""
    model = load_spans_model(fitted.model)
    text = "yesterday Carol Ann Smith went to Upper Austria again ."
    sure = {(r.label, r.shape) for r in model.predict(text).regions if (r.score or 0) > 0.5}
    assert sure == {("PER", Span(10, 25)), ("LOC", Span(34, 47))}
    assert model.predict("").regions == ()
    with pytest.raises(ValueError, match="weights"):
        load_spans_model({"labels": np.array(LABELS)})


def test_labels_that_nobody_used_change_nothing(right: list[Marked]) -> None:
    """Beside many of them the others are believed as without, and they never are; read back, too."""
    texts, given = zip(*right[:60], strict=True)
    spare = [f"unused {n}" for n in range(15)]
    labels = (*spare[:7], "LOC", *spare[7:12], "PER", *spare[12:])
    alone = fit_spans(texts, given, ("LOC", "PER"), np.arange(60))
    beside = fit_spans(texts, given, labels, np.arange(60))
    columns = [0, 1 + labels.index("LOC"), 1 + labels.index("PER")]
    new = [load_spans_model(each.model).predict("in Rome it rained , said Bob .") for each in (alone, beside)]
    assert {region.label for region in new[1].regions if (region.score or 0) > 0.5} == {"PER", "LOC"}
    for one, other in zip((*alone.believed, new[0]), (*beside.believed, new[1]), strict=True):
        for name, axis in (("probabilities", 1), ("elsewhere", 2)):
            np.testing.assert_allclose(
                np.take(other.evidence[name], columns, axis), one.evidence[name], atol=1e-5, err_msg=name
            )
            assert np.delete(other.evidence[name], columns, axis).max() == 0
        np.testing.assert_array_equal(one.evidence["begins"], other.evidence["begins"])


def test_a_label_that_was_renamed_is_not_learned_as_none(right: list[Marked]) -> None:
    """Where most people are marked under another name, the others say what people are."""
    renamed = [
        (text, tuple(replace(r, label="Person") if n % 4 and r.label == "PER" else r for r in regions))
        for n, (text, regions) in enumerate(right[:120])
    ]
    fitted = fit(renamed)
    hits = [
        any(r.shape == given.shape and r.label == "PER" and (r.score or 0) > 0.5 for r in believed.regions)
        for (_, regions), believed in zip(renamed, fitted.believed, strict=True)
        for given in regions
        if given.label == "Person"
    ]
    assert len(hits) > 50
    assert np.mean(hits) > 0.9


def test_too_little_to_learn_from_is_said() -> None:
    """One labelled text, or none, or one group."""
    marked = sentences(5, 1)
    texts, given = zip(*marked, strict=True)
    for options in ({"is_labelled": np.arange(5) == 0}, {"is_labelled": np.zeros(5, dtype=bool)}):
        with pytest.raises(ValueError, match="fewer than two texts"):
            fit_spans(texts, given, LABELS, np.arange(5), **options)
    with pytest.raises(ValueError, match="fewer than two texts"):
        fit_spans(texts, given, LABELS, np.zeros(5, dtype=int))
    with pytest.raises(ValueError, match="must be of 5 texts"):
        fit_spans(texts, given, LABELS, np.zeros(4, dtype=int))


def test_odd_texts_and_spans_are_learned_around(right: list[Marked]) -> None:
    """Empty texts, lone surrogates, spans past the end and of spaces cost nothing but themselves."""
    odd: list[Marked] = [
        ("", (Region("", "PER", Span(0, 4)),)),
        ("\ud83d Bob", (Region("", "PER", Span(2, 5)),)),
        ("  ", (Region("", "LOC", Span(0, 1)),)),
        ("Bob", (Region("", "PER", Span(90, 99)),)),
    ]
    believed = fit([*right[:60], *odd]).believed
    assert len(believed) == 64
    assert len(believed[60].evidence["starts"]) == 0
    assert n_unusable([text for text, _ in odd], [regions for _, regions in odd], LABELS) == 3
    doubt = find_doubts(Item(odd[3][1], believed[63]), LABELS, {})[0]
    assert (doubt.disagreement, doubt.action, set(doubt.detectors)) == (1.0, "remove", {"spurious_region"})


def worst(item: Item, calibration: dict[str, np.ndarray]) -> Doubt:
    return max(find_doubts(item, LABELS, calibration), key=lambda doubt: doubt.disagreement)


@pytest.fixture(scope="module")
def calibration(right: list[Marked], fitted: FittedRegions) -> dict[str, np.ndarray]:
    items = [
        Item(regions, believed, key=n)
        for n, ((_, regions), believed) in enumerate(zip(right, fitted.believed, strict=True))
    ]
    return dict(calibrate(items, LABELS))


@pytest.mark.parametrize("is_calibrated", [True, False])
def test_each_error_is_named_and_put_right(
    fitted: FittedRegions, calibration: dict[str, np.ndarray], is_calibrated: bool
) -> None:
    """A span dropped, invented, of another label, or cut short gets its detector, and the proposal that mends it."""
    taught = calibration if is_calibrated else {}
    model = load_spans_model(fitted.model)
    text = "yesterday Alice Jones went to Paris again ."
    person, place = Region("p", "PER", Span(10, 21)), Region("l", "LOC", Span(30, 35))
    believed = model.predict(text)

    missing = worst(Item((place,), believed), taught)
    assert (set(missing.detectors), missing.action, missing.given) == ({"missing_region"}, "add", None)
    assert missing.proposal is not None
    assert (missing.proposal.label, missing.proposal.shape) == ("PER", person.shape)

    invented = worst(Item((person, place, Region("x", "LOC", Span(22, 26))), believed), taught)
    assert (invented.given, invented.action) == (2, "remove")
    assert max(invented.detectors, key=lambda name: invented.detectors[name]) == "spurious_region"

    retyped = worst(Item((Region("p", "LOC", person.shape), place), believed), taught)
    assert (retyped.given, retyped.action) == (0, "replace")
    assert retyped.proposal is not None
    assert (retyped.proposal.label, retyped.proposal.shape, retyped.top[0][0]) == ("PER", person.shape, "PER")

    cut = worst(Item((Region("p", "PER", Span(10, 15)), place), believed), taught)
    assert cut.given == 0
    assert max(cut.detectors, key=lambda name: cut.detectors[name]) == "bad_boundary"
    assert cut.proposal is not None
    assert (cut.proposal.label, cut.proposal.shape, cut.proposal.id) == ("PER", person.shape, "p")


def test_what_is_right_is_not_doubted(
    right: list[Marked], fitted: FittedRegions, calibration: dict[str, np.ndarray]
) -> None:
    """Disagreements of well supported spans are near 0, and there is one doubt for every given span, in order."""
    doubts = [
        find_doubts(Item(regions, believed, key=n), LABELS, calibration)
        for n, ((_, regions), believed) in enumerate(zip(right, fitted.believed, strict=True))
    ]
    for (_, regions), of_item in zip(right, doubts, strict=True):
        assert [doubt.given for doubt in of_item[: len(regions)]] == list(range(len(regions)))
        assert all(doubt.given is None for doubt in of_item[len(regions) :])
        assert all(0 <= doubt.disagreement <= 1 for doubt in of_item)
    assert np.quantile([max((d.disagreement for d in each), default=0) for each in doubts], 0.9) < 0.1


def test_what_is_not_marked_where_nothing_is_was_likelier_overlooked(
    fitted: FittedRegions, calibration: dict[str, np.ndarray]
) -> None:
    """Where people mark something in every text, a text without a mark has lost one."""
    believed = load_spans_model(fitted.model).predict("in Rome it rained , said Bob .")
    person, place = Region("p", "PER", Span(25, 28)), Region("l", "LOC", Span(3, 7))

    def overlooked(*given: Region) -> float:
        doubts = find_doubts(Item(given, believed), LABELS, calibration)
        return max(each.disagreement for each in doubts if each.proposal is not None and each.proposal.label == "PER")

    assert calibration
    assert overlooked() > overlooked(place)
    with_both = find_doubts(Item((place, person), believed), LABELS, calibration)
    assert max(each.disagreement for each in with_both) < overlooked(place)


def test_a_span_with_several_labels_is_of_none(fitted: FittedRegions) -> None:
    """It is doubted for its class; a model's spans there are not missing."""
    model = load_spans_model(fitted.model)
    text = "yesterday Alice Jones went to Paris again ."
    both = Region("p", "PER + LOC", Span(10, 21))
    doubts = find_doubts(Item((both, Region("l", "LOC", Span(30, 35))), model.predict(text)), LABELS, {})
    assert max(doubts, key=lambda each: each.disagreement).given == 0
    assert max(doubts[0].detectors, key=lambda name: doubts[0].detectors[name]) == "wrong_class"
    assert doubts[0].proposal is not None
    assert doubts[0].proposal.label == "PER"
    assert not any(each.given is None and each.disagreement > 0.1 for each in doubts)


def test_spans_without_tokens_are_held_against_scored_ones() -> None:
    """Of audio, and of predictions from elsewhere, overlap and scores decide."""
    believed = Believed((Region("", "PER", Span(1.0, 2.5, 0), 0.9), Region("", "LOC", Span(7.0, 8.0, 0), 0.8)))
    doubts = find_doubts(Item((Region("a", "LOC", Span(1.0, 2.5, 0)),), believed), LABELS, {})
    assert [doubt.given for doubt in doubts] == [0, None]
    assert max(doubts[0].detectors, key=lambda name: doubts[0].detectors[name]) == "wrong_class"
    assert doubts[1].proposal is not None
    assert doubts[1].proposal.shape == Span(7.0, 8.0, 0)
    assert calibrate([Item((), believed)], LABELS) == {}
