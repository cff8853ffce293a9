"""Fetching, decoding and encoding over media that are a dict."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from errata.audit.beliefs import UsedEncoder
from errata.audit.embed import BATCH, IN_FLIGHT, Embedded, ImageEmbedder, content_key, groups_of
from errata.errors import LabelStudioUnreachable, MediaError


def many(png: Any, n: int) -> dict[str, bytes]:
    return {f"{i}.png": png(i % 256, i // 256) for i in range(n)}


def test_embeddings_stand_in_the_order_of_tasks(studio: Any, png: Any) -> None:
    """Each task's row is that of its own image, whichever image was read first."""
    studio.media.content = many(png, 200)
    uris = {task_id: f"{task_id - 1}.png" for task_id in range(200, 0, -1)}
    embedded = studio.embed(uris)
    assert embedded.task_ids.tolist() == list(uris)
    np.testing.assert_allclose(embedded.rows[:, 0] * 255, embedded.task_ids - 1, atol=1e-3)
    assert embedded.content_keys == tuple(content_key(studio.media.content[uri]) for uri in uris.values())
    assert studio.told.stages == [("Encoding images", 200)]
    assert studio.told.n_done == 200


def test_each_content_is_encoded_once(studio: Any, png: Any) -> None:
    """Tasks that show the same address, and addresses with the same bytes, cost one encoding."""
    studio.media.content = {"a.png": png(1), "copy.png": png(1), "b.png": png(2)}
    embedded = studio.embed({1: "a.png", 2: "a.png", 3: "copy.png", 4: "b.png"})
    assert sum(studio.encoder.batches) == 2
    assert studio.media.n_read["a.png"] == 1
    assert len(set(embedded.content_keys[:3])) == 1
    assert groups_of(embedded.content_keys).tolist() in ([0, 0, 0, 1], [1, 1, 1, 0])


def test_known_addresses_are_not_read_again(studio: Any, png: Any) -> None:
    """The second audit reads and encodes what is new, and nothing else."""
    studio.media.content = {"a.png": png(1)}
    first = studio.embed({1: "a.png"})
    studio.media.content["b.png"] = png(2)
    second = studio.embed({1: "a.png", 2: "b.png"})
    assert studio.media.n_read == {"a.png": 1, "b.png": 1}
    assert studio.encoder.batches == [1, 1]
    assert second.rows[0].tolist() == first.rows[0].tolist()


def test_known_content_behind_an_unknown_address_is_not_encoded_again(studio: Any, png: Any) -> None:
    """Where addresses are not remembered, as in folders, files are read again but neither decoded nor encoded."""
    studio.media.content = {"a.png": png(1)}
    first = studio.embed({1: "a.png"})
    studio.index.keys.clear()
    again = studio.embed({1: "a.png"})
    assert (studio.media.n_read["a.png"], studio.encoder.n_prepared) == (2, 1)
    assert again.rows.tolist() == first.rows.tolist()


def test_known_address_of_another_encoder_is_read_again(studio: Any, png: Any) -> None:
    """That an address was read before helps only where its embedding is there."""
    studio.media.content = {"a.png": png(1)}
    studio.embed({1: "a.png"})
    studio.embeddings.rows.clear()
    assert len(studio.embed({1: "a.png"}).rows) == 1
    assert studio.media.n_read["a.png"] == 2


def test_unusable_media_are_counted_with_their_reason(studio: Any, png: Any) -> None:
    """A task whose media are missing, empty, broken, huge or no image is left out; the others go on."""
    bomb = b"P6\n4000 4000\n255\n"
    studio.media.content = {
        "good.png": png(1),
        "empty": b"",
        "broken.png": png(3)[:40],
        "page": b"<html>",
        "bomb": bomb,
    }
    uris = {1: "good.png", 2: "empty", 3: "broken.png", 4: "page", 5: "bomb", 6: "missing", 7: "missing"}
    embedded = studio.embed(uris)
    assert embedded.task_ids.tolist() == [1]
    assert sorted(embedded.unusable) == [2, 3, 4, 5, 6, 7]
    counts = embedded.problems()
    assert counts["media: it does not exist"] == 2
    assert counts["media: the file is empty"] == 1
    assert sum(counts.values()) == 6
    assert counts["media: 4000 x 4000 pixels are more than the 10000 allowed"] == 1


def test_media_that_broke_since_are_left_out(studio: Any, png: Any) -> None:
    """An address that was good for another encoder and is gone now counts as unusable."""
    studio.media.content = {"a.png": png(1)}
    studio.embed({1: "a.png"})
    studio.embeddings.rows.clear()
    studio.media.content["a.png"] = MediaError("it does not exist")
    embedded = studio.embed({1: "a.png"})
    assert embedded.task_ids.tolist() == []
    assert embedded.unusable == {1: "it does not exist"}


def test_no_media_at_all(studio: Any) -> None:
    """Nothing in, nothing out, and nothing is encoded."""
    embedded = studio.embed({})
    assert (len(embedded.task_ids), embedded.content_keys, len(groups_of(()))) == (0, (), 0)
    assert studio.encoder.batches == []


def test_reading_ahead_is_bounded(studio: Any, png: Any) -> None:
    """However many tasks there are, a bounded number of decoded images waits in memory."""
    n = IN_FLIGHT * 5
    studio.media.content = many(png, n)
    assert len(studio.embed({i + 1: f"{i}.png" for i in range(n)}).rows) == n
    assert max(studio.encoder.batches) == BATCH
    assert studio.encoder.most_waiting <= IN_FLIGHT + BATCH


def test_label_studio_going_away_keeps_what_was_encoded(studio: Any, png: Any) -> None:
    """The audit ends with the service's error; the next one neither reads nor encodes again what was done."""
    n = IN_FLIGHT * 2
    studio.media.content = many(png, n)
    uris = {i + 1: f"{i}.png" for i in range(n)}
    last = f"{n - 1}.png"
    good, studio.media.content[last] = studio.media.content[last], LabelStudioUnreachable("Label Studio is down.")
    with pytest.raises(LabelStudioUnreachable, match="Label Studio is down"):
        studio.embed(uris)
    n_kept = len(studio.embeddings.rows)
    assert n_kept >= IN_FLIGHT - BATCH
    studio.media.content[last] = good
    studio.media.n_read.clear()
    studio.encoder.batches.clear()
    assert len(studio.embed(uris).rows) == n
    assert sum(studio.encoder.batches) == n - n_kept
    assert sum(studio.media.n_read.values()) == n - n_kept


def test_a_bug_in_a_thread_is_not_taken_for_broken_media(studio: Any) -> None:
    """Only what media can do wrong is counted; anything else ends the audit."""
    studio.media.content = {"a.png": ZeroDivisionError()}
    with pytest.raises(ZeroDivisionError):
        studio.embed({1: "a.png"})


@pytest.fixture
def make(studio: Any) -> Any:
    """Make another encoder of colours with a cache of its own; it may want as many pixels."""
    encoder, cache = type(studio.encoder), type(studio.embeddings)
    return lambda identity, least_side=None: (encoder(identity=identity, least_side=least_side), cache())


def embed_by(studio: Any, parts: Any, uris: dict[int, str]) -> Embedded:
    used = UsedEncoder(",".join(encoder.identity for encoder, _ in parts), "several")
    return ImageEmbedder(studio.media, studio.index, parts, 10_000_000, used).embed(uris, studio.told)


def test_rows_of_several_encoders_lie_side_by_side(studio: Any, png: Any, make: Any) -> None:
    """Each file is read once for all of them, and blocks say which columns are whose."""
    studio.media.content = many(png, 150)
    one, other = (studio.encoder, studio.embeddings), make("other:1")
    other[0].prepare = lambda image: -type(one[0]).prepare(other[0], image)
    embedded = embed_by(studio, [one, other], {n + 1: f"{n}.png" for n in range(150)})
    assert (embedded.rows.shape, embedded.blocks) == ((150, 6), (3, 3))
    np.testing.assert_array_equal(embedded.rows[:, 3:], -embedded.rows[:, :3])
    np.testing.assert_allclose(embedded.rows[:, 0] * 255, np.arange(150), atol=1e-3)
    assert set(studio.media.n_read.values()) == {1}
    assert (one[0].batches, other[0].batches) == ([64, 64, 22], [64, 64, 22])


def test_an_encoder_that_is_added_later_runs_alone(studio: Any, png: Any, make: Any) -> None:
    """What the first one has seen it never sees again, whether it stands first or second, alone or not."""
    studio.media.content = many(png, 3)
    uris = {n + 1: f"{n}.png" for n in range(3)}
    one, other = (studio.encoder, studio.embeddings), make("other:1")
    alone = embed_by(studio, [one], uris)
    studio.media.content["3.png"] = png(9)
    both = embed_by(studio, [other, one], {**uris, 4: "3.png"})
    assert (sum(one[0].batches), sum(other[0].batches)) == (4, 4)
    np.testing.assert_array_equal(both.rows[:3, 3:], alone.rows)
    embed_by(studio, [other], {**uris, 4: "3.png"})
    assert (sum(one[0].batches), sum(other[0].batches)) == (4, 4)
    assert studio.media.n_read == {"0.png": 2, "1.png": 2, "2.png": 2, "3.png": 1}


def test_an_image_is_decoded_as_large_as_each_encoder_needs_it(studio: Any, make: Any) -> None:
    """A JPEG may come smaller, and never depends on who else looks: rows that are kept would differ."""
    file = io.BytesIO()
    Image.effect_noise((900, 500), 60).save(file, "JPEG")
    studio.media.content = {"large.jpg": file.getvalue()}
    parts = [make(f"{side}:1", side) for side in (None, 100, 224, 600)]
    sizes: list[tuple[int, int]] = []
    for encoder, _ in parts:
        whole = encoder.prepare
        encoder.prepare = lambda image, whole=whole: (sizes.append(image.size), whole(image))[1]
    embed_by(studio, parts, {1: "large.jpg"})
    assert sizes == [(900, 500), (225, 125), (450, 250), (900, 500)]
