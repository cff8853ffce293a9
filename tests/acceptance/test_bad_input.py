"""What may be wrong with media, labels, configs, tokens and Label Studio itself, and what each gets."""

from __future__ import annotations

import io
import struct
import time
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from errata.errors import NothingToLearn

GOOD = ("car", "truck") * 10
CONFIG = """<View>
  <Image name="image" value="$image"/>
  <Choices name="label" toName="image">{choices}</Choices>
</View>"""


def config(*classes: str) -> str:
    return CONFIG.format(choices="".join(f'<Choice value="{name}"/>' for name in classes))


def said(label: str) -> list[dict[str, Any]]:
    return [{"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": [label]}}]


def noise(side_px: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (side_px, side_px, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


def bomb(side_px: int = 30_000) -> bytes:
    """Return a PNG of a few bytes that says to be 900 megapixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side_px, side_px, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND", b"")


def test_bad_media_and_odd_annotations_are_counted_and_the_audit_goes_on(
    project: Any, label_studio: Any, make_errata: Any, review_tasks: Any, assert_nothing_is_twice: Any
) -> None:
    """One project with everything that may be wrong: each reason is counted, good tasks are audited, twice is once."""
    client = label_studio.client
    source = project(GOOD)
    client.patch(f"api/annotations/{source.annotation_ids[0]}/", {"result": said("truck")})
    spare = project(("car",) * 4, images=[noise(24)[:60], bomb(), b"<html>404</html>", noise(200)])
    broken = [task["data"]["image"] for task in client.paged("api/tasks/", {"project": spare.id})]
    addresses = [
        *sorted(broken),
        f"/data/upload/{source.id}/nowhere.png",
        "https://elsewhere.example.com/image.png",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "../../etc/passwd",
        "data:image/png;base64,",
    ]
    media = [{"data": {"image": address}, "annotations": [{"result": said("car")}]} for address in addresses]
    client.post(f"api/projects/{source.id}/import", media)
    annotations = {
        2: {"result": said("car"), "was_cancelled": True},
        3: {"result": []},
        4: {"result": said("bicycle")},
        5: {"result": said("car") + said("truck")},
        6: {"result": said("car")},
    }
    for place, annotation in annotations.items():
        client.post(f"api/tasks/{source.task_ids[place]}/annotations/", annotation)
    client.post(f"api/tasks/{source.task_ids[7]}/drafts", {"result": said("car"), "lead_time": 1})
    client.patch(f"api/tasks/{source.task_ids[8]}/", {"data": {"image": ""}})

    errata = make_errata(ERRATA_MEDIA_MAX_BYTES="50000")
    done = errata.ask("audit", str(source.id))
    skipped = done["skipped"]
    assert done["tasks"] == len(GOOD) + len(addresses)
    assert sum(n for reason, n in skipped.items() if reason.startswith("media: ")) == len(addresses)
    for reason in (
        "truncated or broken",
        "pixels",
        "it is a web page, not an image",
        "larger than 50,000 bytes",
        "Label Studio answered 500",  # what 1.23 says where an upload is missing
        "elsewhere.example.com",
        "169.254.169.254",
        "file: are not read",
        "neither a URL nor a path",
        "the file is empty",
        "annotations that their annotator skipped",
        "annotations that are empty",
        'a label that the config does not have: "bicycle"',
        'an answer for "label" that is not one choice',
        'tasks without anything under "image"',
    ):
        assert any(reason in each for each in skipped), f"{reason} is not in {list(skipped)}"
    assert done["labels"] == len(GOOD)  # one task lost its image, another one has a second annotator
    review = review_tasks(source.id)
    suspected = {(task["data"]["source_task"], task["data"]["given_label"]) for task in review}
    assert {(source.task_ids[0], "truck")} <= suspected
    assert len(review) == done["open"]

    again = errata.ask("audit", str(source.id))
    assert (again["inserted"], again["predictions"], again["moved"], again["withdrawn"]) == (0, 0, 0, 0)
    assert_nothing_is_twice(source.id)


def test_config_that_cannot_be_served(label_studio: Any, project: Any, make_errata: Any) -> None:
    """Exit 2; the text names every tag with what it lacks, and one that would do."""
    source = project(("car", "truck"))
    per_region = """<View><Image name="image" value="$image"/>
      <Choices name="label" toName="image" perRegion="true"><Choice value="car"/><Choice value="truck"/></Choices>
      <Rectangle name="box" toName="image"/></View>"""
    label_studio.client.patch(f"api/projects/{source.id}/", {"label_config": per_region})
    text = make_errata().run("audit", str(source.id), code=2)
    assert '<Choices name="label"> is not audited because it is asked of regions (perRegion)' in text
    assert '<Rectangle name="box"> is not audited' in text
    assert "Served are choices and taxonomies on an image or a text" in text
    assert "Traceback" not in text


def test_too_few_labels_or_classes(project: Any, label_studio: Any, audit: Any, review_tasks: Any) -> None:
    """One class, one label, none: exit 2, what is missing, what to do; nothing is written.

    Two labels of two classes are little, and no error.
    """
    client, source = label_studio.client, project(("car", "car"))
    for n_deleted, why in enumerate(("every label is the same", "got 1", "0 labels on 2 tasks")):
        for annotation_id in source.annotation_ids[n_deleted - 1 : n_deleted]:
            client.delete(f"api/annotations/{annotation_id}/")
        problem = f'"Vehicles" cannot be audited yet: .*{why}.*Label a few tasks'
        with pytest.raises(NothingToLearn, match=problem) as raised:
            audit(source.id)
        assert raised.value.exit_code == 2
        assert review_tasks(source.id) == []
    for task_id, label in zip(source.task_ids, ("car", "truck"), strict=True):
        client.post(f"api/tasks/{task_id}/annotations/", {"result": said(label)})
    assert audit(source.id)["labels"] == 2


def test_scores_that_are_no_probabilities(project: Any, label_studio: Any, audit: Any) -> None:
    """Stored predictions whose score is none, beyond [0, 1] or not there are counted, and the others are believed."""
    source = project(GOOD)
    stored = [
        {"task": task_id, "result": said("truck"), "score": score, "model_version": "theirs"}
        for task_id, score in zip(source.task_ids, (0.9, 0.8, 7.0, -1.0, None), strict=False)
    ]
    label_studio.client.post(f"api/projects/{source.id}/import/predictions", stored)
    done = audit(source.id, belief="stored")
    assert (done["labels"], done["open"]) == (2, 1)
    assert done["skipped"] == {'labelled tasks without a usable prediction of "theirs" for "label"': len(GOOD) - 2}


def test_token_that_is_not_taken(project: Any, make_errata: Any) -> None:
    """Exit 3; the text says where to get a token, and does not show the one given."""
    errata = make_errata()
    errata.token = "0123456789abcdef0123456789abcdef01234567"
    text = errata.run("audit", str(project().id), code=3)
    assert "Account & Settings" in text
    assert "ERRATA_LABEL_STUDIO_TOKEN" in text
    assert errata.token not in text
    assert "Traceback" not in text


def test_label_studio_that_is_down(project: Any, make_errata: Any) -> None:
    """Exit 3, long before requests are given up that may be answered; the text names the address and the setting."""
    errata = make_errata("http://127.0.0.1:9/")
    began = time.monotonic()
    text = errata.run("audit", "1", code=3)
    assert time.monotonic() - began < 100
    assert "http://127.0.0.1:9 cannot be reached" in text
    assert "ERRATA_LABEL_STUDIO_URL" in text


def test_label_config_changed_between_audit_and_verdict(
    label_studio: Any, project: Any, audit: Any, open_errata: Any, review_tasks: Any
) -> None:
    """A verdict for a label that the config lost is kept and listed, not written; when it is back, it is, once."""
    client = label_studio.client
    source = project(GOOD, label_config=config("car", "truck", "van"))
    stored = [{"task": source.task_ids[0], "result": said("van"), "score": 0.9, "model_version": "theirs"}]
    client.post(f"api/projects/{source.id}/import/predictions", stored)
    assert audit(source.id, belief="stored")["open"] == 1
    (task,) = review_tasks(source.id)
    client.patch(f"api/projects/{source.id}/", {"label_config": config("car", "truck", "bus")})
    answer = [*said("car"), {**said("take_proposal")[0], "from_name": "errata_verdict"}]
    client.post(f"api/tasks/{task['id']}/annotations/", {"result": answer, "lead_time": 1})

    with open_errata() as errata:
        assert errata.take_verdicts(source.id).total == 1
        (conflict,) = errata.plan(source.id).conflicts
        assert conflict.why == 'the label config has no "van" for "label" any more'
        assert errata.apply(source.id).written == ()
    client.patch(f"api/projects/{source.id}/", {"label_config": config("car", "truck", "van")})
    with open_errata() as errata:
        errata.take_verdicts(source.id)
        assert len(errata.apply(source.id).written) == 1
        assert len(errata.apply(source.id).written) == 0
    (changed,) = client.get(f"api/tasks/{source.task_ids[0]}/annotations/")
    assert changed["result"][0]["value"]["choices"] == ["van"]
