"""Tables of labels of regions: parts of pictures, spans of texts."""

from __future__ import annotations

import random

import numpy as np
import pytest

from errata.audit.progress import LineProgress
from errata.boards.crop_embeddings import CropEmbedder, Part
from errata.boards.table import NONE
from errata_model.encoders.images import PixelEncoder
from errata_model.regions.shapes import Box, Span

BOXES = """<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image">
<Label value="car"/><Label value="bus"/></RectangleLabels></View>"""
SPANS = """<View><Text name="text" value="$text"/><Labels name="span" toName="text">
<Label value="town"/><Label value="food"/></Labels></View>"""
CAR, BUS = (220, 30, 30), (30, 30, 220)
Place = tuple[int, int, int, int]


def box(label, place: Place, region_id, **more):
    left, top, width, height = place  # pixels of 100 x 80
    value = {"x": left, "y": top / 0.8, "width": width, "height": height / 0.8, "rotation": 0}
    about = {"id": region_id, "from_name": "box", "to_name": "image", "type": "rectanglelabels"}
    return {
        **about,
        "original_width": 100,
        "original_height": 80,
        "value": {**value, "rectanglelabels": [label]},
        **more,
    }


@pytest.fixture
def streets(task, paint):
    """Thirty pictures of a car and a bus each, with predictions that are right. Of task 5 the bus is missing, of task 9
    the car was taken for a bus, of task 13 the car's box is far too wide."""
    rng = random.Random(6)
    tasks = []
    for n in range(1, 31):
        car, bus = (
            (rng.randrange(4, 20), rng.randrange(4, 50), 22, 22),
            (rng.randrange(55, 70), rng.randrange(4, 50), 22, 22),
        )
        uri = paint([(car, CAR), (bus, BUS)])
        given = [
            box("bus" if n == 9 else "car", (car[0], car[1], 34, 22) if n == 13 else car, "a"),
            box("bus", bus, "b"),
        ]
        predicted = [box("car", car, "p", score=0.95), box("bus", bus, "q", score=0.95)]
        tasks.append(task({"image": uri, "street": "AB"[n % 2]}, given[: 1 if n == 5 else 2], predicted=predicted))
    return tasks


def row_of(table, task_id, given):
    code = NONE if given is None else table.labels.index(given)
    (row,) = np.flatnonzero((table.tasks == task_id) & (table.given == code))
    return int(row)


def test_regions_stand_where_they_look_alike(desk, streets):
    """Each region is a row with its place; a missing one stands where the belief has it; what is proposed elsewhere is
    in the detail. Crops of cars lie by crops of cars, also the one that was called a bus, which stands apart. The
    pictures are read once, and not again by the next audit."""
    examination = desk.examine(BOXES, streets)
    built, details = desk.build(examination)
    table = built.table
    assert not built.remarks
    assert np.isfinite(table.place).all()
    missing, wrong, wide = row_of(table, 5, None), int(np.flatnonzero(table.tasks == 9)[0]), row_of(table, 13, "car")
    assert table.labels[table.predicted[missing]] == "bus"
    given = {(each["id"], part["id"]): part["value"] for each in streets for part in each["annotations"][0]["result"]}
    for row, detail in enumerate(details):
        value = (
            detail.finding.proposal.value["value"]
            if row == missing
            else given[int(table.tasks[row]), detail.finding.given.region_id]
        )
        expected = [value[side] / 100 for side in ("x", "y", "width", "height")]
        np.testing.assert_allclose(table.place[row], expected, atol=1e-5)
    assert details[missing].given is None
    assert isinstance(details[missing].proposed, Box)
    assert isinstance(details[wide].given, Box)
    assert details[wide].proposed.width == pytest.approx(0.22)
    assert details[wide].size == (100, 80)
    assert details[wide].data == {"street": "B"}

    is_car = np.array([table.labels[code] == "car" for code in table.predicted])
    assert is_car[wrong]
    nearest = np.argsort(((table.xy[:, None] - table.xy[None]) ** 2).sum(axis=2), axis=1)[:, 1:7]
    whole = np.setdiff1d(np.arange(len(table)), [wide])
    assert (is_car[nearest[whole]] == is_car[whole, None]).mean() > 0.97
    assert table.apart[wrong]
    assert not table.apart[np.setdiff1d(whole, [wrong, missing])].any()

    n_read = len(desk.media.read_again)
    again, _ = desk.build(examination, table)
    assert len(desk.media.read_again) == n_read
    np.testing.assert_array_equal(again.table.xy, table.xy)


def test_what_is_late_has_no_place_on_the_map(desk, streets):
    """Where the time is over, what was not looked at has zeros; the next call goes on from there."""
    rng, parts = random.Random(1), []
    for each in streets:
        place = (rng.random() / 2, rng.random() / 2, 0.4, 0.4)
        parts.append(Part(each["id"], each["data"]["image"], place))
    parts.append(Part(99, "gone.png", (0, 0, 1, 1)))
    pixels = PixelEncoder()
    told: list[str] = []
    crops = CropEmbedder(desk.media, desk.index, pixels, desk.wiring.embeddings(pixels), 10**6)
    looks = iter([False] * 10 + [True] * 10)
    first = crops.embed(parts, LineProgress(told.append), lambda: next(looks))
    assert 0 < first.any(axis=1).sum() < 30
    n_read = len(desk.media.read_again)
    second = crops.embed(parts, LineProgress(told.append), lambda: False)
    np.testing.assert_array_equal(second.any(axis=1), [True] * 30 + [False])
    is_first = first.any(axis=1)
    np.testing.assert_array_equal(second[is_first], first[is_first])
    assert not {part.uri for part, known in zip(parts, is_first, strict=False) if known} & set(
        desk.media.read_again[n_read:]
    )


def test_spans_stand_by_what_they_say(desk, task):
    """A span's row shows what stands around it, told in code points of the whole text; the same words lie together, and
    a town that was called food stands apart; of a missing span the text around it is shown, too."""
    filler = "🙂 and so it went on for a long while, nobody knew why. " * 30
    towns, foods = ("Reykjavik", "Bratislava", "Montevideo"), ("pancakes", "spaghetti", "marmalade")

    def span(label, word, text, region_id, **more):
        start = text.index(word)
        value = {"start": start, "end": start + len(word), "text": word, "labels": [label]}
        return {"id": region_id, "from_name": "span", "to_name": "text", "type": "labels", "value": value, **more}

    tasks = []
    for n in range(1, 41):
        town, food = towns[n % 3], foods[n % 3]
        text = f"{filler}They went to {town} by train. {filler}Then they ate {food} for lunch."
        given = [span("food" if n == 7 else "town", town, text, "a"), span("food", food, text, "b")]
        predicted = [span("town", town, text, "p", score=0.9), span("food", food, text, "q", score=0.9)]
        tasks.append(task({"text": text}, given[: 1 if n == 8 else 2], predicted=predicted))
    built, details = desk.build(desk.examine(SPANS, tasks))
    table = built.table
    assert len(table) == 80
    assert np.isnan(table.place).all()
    for row, detail in enumerate(details):
        whole = tasks[int(table.tasks[row]) - 1]["data"]["text"]
        assert whole[detail.starts_at : detail.starts_at + len(detail.shown)] == detail.shown
        assert len(detail.shown) < 1000
        marked = detail.proposed if detail.given is None else detail.given
        assert isinstance(marked, Span)
        start, end = int(marked.start) - detail.starts_at, int(marked.end) - detail.starts_at
        assert detail.shown[start:end] in (*towns, *foods)
        assert detail.data == {}
    wrong = int(np.flatnonzero((table.tasks == 7) & table.apart)[0])
    assert details[wrong].shown[400 : 400 + len(towns[1])] == towns[1]
    assert table.predicted[row_of(table, 8, None)] == table.labels.index("food")
    is_town = table.predicted == table.labels.index("town")
    alike = table.vectors.astype(np.float32) @ table.vectors.astype(np.float32).T
    assert alike[is_town][:, is_town].mean() > alike[is_town][:, ~is_town].mean() + 0.2
    assert np.count_nonzero(table.apart) <= 3


def test_label_studio_may_go_away(desk, streets):
    """Where it is gone before the pictures are read, the table is there without a map, and says so."""
    examination = desk.examine(BOXES, streets)
    desk.media.is_gone = True
    built, _ = desk.build(examination)
    assert len(built.table) == 60
    assert np.isnan(built.table.xy).all()
    np.testing.assert_array_equal(np.sort(built.table.leaf), np.arange(60))
    (remark,) = built.remarks
    assert remark == 'Labels of "box" have no place on the map until the next audit: Label Studio is away.'


def test_what_nothing_looks_at_has_an_order_all_the_same(desk, task):
    """Stretches of recordings: no map and no vectors; they stand by label, the worst first, and their file is shown."""
    config = """<View><Audio name="sound" value="$sound"/><Labels name="what" toName="sound">
    <Label value="speech"/><Label value="music"/></Labels></View>"""

    def stretch(label, start, region_id, **more):
        value = {"start": start, "end": start + 2, "channel": 0, "labels": [label]}
        return {"id": region_id, "from_name": "what", "to_name": "sound", "type": "labels", "value": value, **more}

    tasks = []
    for n in range(1, 13):
        given = [stretch("speech", 1, "a"), stretch("speech" if n == 4 else "music", 5, "b")]
        predicted = [stretch("speech", 1, "p", score=0.9), stretch("music", 5, "q", score=0.6 + n / 40)]
        tasks.append(task({"sound": f"/data/{n}.wav"}, given, predicted=predicted))
    built, details = desk.build(desk.examine(config, tasks))
    table = built.table
    assert not built.remarks
    assert not table.trustworthiness
    assert np.isnan(table.xy).all()
    assert not table.vectors.any()
    in_line = np.argsort(table.leaf)
    assert len({*np.flatnonzero(np.diff(table.given[in_line])).tolist()}) == 1
    for label in range(2):
        of_label = in_line[table.given[in_line] == label]
        assert (np.diff(table.disagreement[of_label]) <= 0).all()
    assert {detail.shown for detail in details} == {f"/data/{n}.wav" for n in range(1, 13)}
    assert all(isinstance(detail.given, Span) for detail in details)
