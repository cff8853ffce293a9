"""Predictions in an export as the belief: those that learned from the labels are told, errata's own are none."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

Make = Callable[..., Any]
TOPICS = ("sport", "money", "space")
N = 600
STORED = ("--belief", "stored", "--json", "--all")
LOOK = 'The predictions about "label" look as if they had learned from the labels themselves'


@pytest.fixture
def texts(export: Make, sentence: Make, rng: random.Random) -> Make:
    """Export N texts about three topics, a share of them labelled wrong; return the export and what is right."""

    def make(share_wrong: float) -> tuple[Any, list[str]]:
        made, right = export(), [TOPICS[n % 3] for n in range(N)]
        wrong = set(rng.sample(range(N), int(share_wrong * N)))
        for n, topic in enumerate(right):
            made.add(sentence(topic, 6), TOPICS[(n + 1) % 3] if n in wrong else topic)
        return made, right

    return make


def given(made: Any, n: int) -> str:
    label: str = made.tasks[n]["annotations"][0]["result"][0]["value"]["choices"][0]
    return label


@pytest.mark.parametrize("share_wrong", [0.03, 0.1, 0.2])
def test_who_repeats_the_labels_is_told(texts: Make, audit: Make, share_wrong: float) -> None:
    """Predictions that agree with every label, wrong ones too: said, with what that rests on; findings still come."""
    made, _ = texts(share_wrong)
    for n in range(N):
        made.predict(n + 1, "theirs", **{given(made, n): 0.9})
    summary = audit(made, *STORED).summary
    assert summary["caution"].startswith(f"{LOOK}: they agree with ")
    assert (
        "labels that a model which has not seen them would change, and with > 99 % of all (it: " in summary["caution"]
    )
    assert "either way they find no wrong ones: use --belief own." in summary["caution"]
    assert summary["labels"] == N


@pytest.mark.parametrize("share_right", [0.8, 0.95, 0.99])
@pytest.mark.parametrize("share_wrong", [0.0, 0.1])
def test_an_honest_model_is_not_accused(
    texts: Make, audit: Make, rng: random.Random, share_right: float, share_wrong: float
) -> None:
    """Whatever its own accuracy: what errs on its own, and contradicts wrong labels, has not learned them."""
    made, right = texts(share_wrong)
    erring = set(rng.sample(range(N), round((1 - share_right) * N)))
    for n, topic in enumerate(right):
        made.predict(n + 1, "theirs", **{TOPICS[(n + 2) % 3] if n in erring else topic: 0.9})
    assert audit(made, *STORED).summary["caution"] is None


def test_own_predictions_are_no_source(texts: Make, audit: Make) -> None:
    """What any errata pushed is not believed, by number or by name."""
    made, right = texts(0.0)
    for n in range(N):
        made.predict(n + 1, "errata-0123456789ab", sport=0.9)
    heard = audit(made, "--belief", "stored", code=2)
    assert "holds no predictions that say anything about its labels" in heard.told
    heard = audit(made, "--belief", "stored:errata-0123456789ab", code=2)
    assert '"errata-0123456789ab" is errata\'s own, which is no second opinion: use --belief own.' in heard.told
    for n in range(0, N, 2):
        made.predict(n + 1, "theirs", **{right[n]: 0.9})
    heard = audit(made, *STORED)
    assert heard.summary["skipped"] == {'labelled tasks without a usable prediction of "theirs" for "label"': N // 2}
    assert {each["task"] for each in heard.findings} == set(range(1, N + 1, 2))


class AsErrata(BaseHTTPRequestHandler):
    """Answers as the ML backend that errata itself is."""

    def do_POST(self) -> None:
        content = json.dumps({"model_version": "errata-0123456789ab"}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None: ...


def test_errata_as_a_backend_is_no_source(texts: Make, audit: Make) -> None:
    """Its own service, asked as another one's would be, says who it is before it is asked about a task."""
    made, _ = texts(0.0)
    with ThreadingHTTPServer(("127.0.0.1", 0), AsErrata) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        heard = audit(made, "--belief", f"http://127.0.0.1:{server.server_port}", code=2)
        server.shutdown()
    assert "the ML backend at 127.0.0.1 is errata itself, which is no second opinion: use --belief own." in heard.told


def test_predictions_that_are_no_probabilities(texts: Make, audit: Make) -> None:
    """Not a number, negative, beyond one and unknown labels are counted, and the rest is ranked."""
    made, right = texts(0.0)
    for n, topic in enumerate(right):
        made.predict(n + 1, "theirs", **{topic: 0.9})
    for task, score in zip(made.tasks[:4], (float("nan"), -1, 7, None), strict=False):
        task["predictions"][0]["score"] = score
    made.tasks[4]["predictions"][0]["result"][0]["value"]["choices"] = ["unicorn"]
    heard = audit(made, *STORED)
    assert heard.summary["skipped"] == {
        'labelled tasks without a usable prediction of "theirs" for "label"': 5,
        'scores of "theirs" that are no numbers from 0 to 1': 3,
    }
    assert {each["task"] for each in heard.findings} == set(range(6, N + 1))


def test_a_file_of_odd_probabilities(texts: Make, audit: Make) -> None:
    """Rows that do not sum to one are divided by their sum, those that hold no numbers left out: each with its line."""
    made, right = texts(0.0)
    made.tasks[9]["annotations"][0]["result"][0]["value"]["choices"] = ["space" if right[9] != "space" else "sport"]
    lines = ["task,sport,money,space"]
    lines += [f"{n + 1},{','.join('0.8' if t == topic else '0.1' for t in TOPICS)}" for n, topic in enumerate(right)]
    lines[1], lines[2], lines[3] = "1,nan,0.5,0.5", "2,-0.5,1,0.5", "3,inf,0,0"
    lines[4], lines[5], lines[6] = "4,2,2,2", "5,0.2,0.1,0.1", "6,0,0,0"
    (made.folder / "beliefs.csv").write_text("\n".join(lines))
    heard = audit(made, "--belief", "beliefs.csv", "--json", "--all")
    assert heard.findings[0]["task"] == 10
    assert "beliefs.csv: 4 rows left out that hold no numbers in [0, 1] (lines 2, 3, 4, 5)." in heard.summary["remarks"]
    assert "beliefs.csv: 2 rows divided by their sum, which is not 1 (lines 6, 7)." in heard.summary["remarks"]


def test_predictions_alone(export: Make, audit: Make, sentence: Make) -> None:
    """Nobody labelled anything: that is said, and no label is called right."""
    made = export()
    for n in range(30):
        made.predict(made.add(sentence(TOPICS[n % 3])), "theirs", **{TOPICS[n % 3]: 0.9})
    heard = audit(made, "--belief", "stored")
    assert "Nothing is labelled yet" in heard.said
    assert heard.findings == []
