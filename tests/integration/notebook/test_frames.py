"""Boards of DataFrames, asked as the pages ask them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

from errata import board
from errata.errors import UsageError

HOWTO = (Path(__file__).parents[3] / "docs" / "howto" / "notebook.md").read_text()
COLOURS = {0: (200, 60, 60), 1: (60, 60, 200), 2: (60, 170, 60)}  # labels that are numbers
N, WRONG = 90, 6


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is downloaded, and no file of whoever runs the tests is read."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ERRATA_ENCODER", "pixels")
    monkeypatch.setenv("ERRATA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("JUPYTERHUB_SERVICE_PREFIX", raising=False)


@pytest.fixture
def frame() -> pd.DataFrame:
    """Make coloured pictures, some of them labelled as another colour, under an index of words."""
    true = np.arange(N) % 3
    given = np.where(np.arange(N) < WRONG, (true + 1) % 3, true)
    noise = np.random.default_rng(0).integers(-40, 40, (N, 32, 32, 3))
    pictures = [(noise[n] + np.array(COLOURS[true[n]])).clip(0, 255).astype(np.uint8) for n in range(N)]
    data = {"label": given, "image": pictures, "camera": ["north", "south"] * (N // 2)}
    return pd.DataFrame(data, index=pd.Index([f"p{n}" for n in range(N)], name="picture"))


class Pages:
    """Asks as the pages of a board do."""

    def __init__(self, shown: Any) -> None:
        self.root, self.project = re.fullmatch(r"(.*/board/)scan\.html\?project=(\d+).*", shown.url).groups()
        self.http = httpx.Client(headers={"X-Errata": "board"}, timeout=60, trust_env=False)

    def get(self, path: str, **query: Any) -> Any:
        answer = self.http.get(f"{self.root}api/projects/{self.project}{path}", params=query)
        assert answer.is_success, answer.text
        return answer.json() if answer.headers["content-type"] == "application/json" else answer.content

    def suspects(self) -> list[dict[str, Any]]:
        return list(self.get("/tiles", control="label", show="suspects", limit=100)["tiles"])

    def decide(self, key: str, decision: str | None, **more: Any) -> None:
        action = {"id": str(uuid.uuid4()), "kind": "decide", "at": "2026-01-01T00:00:00Z", "seconds": 1.5}
        asked = {"actions": [{**action, "marks": [{"key": key, "decision": decision, **more}]}]}
        answer = self.http.post(f"{self.root}api/projects/{self.project}/actions", json=asked)
        assert answer.json()["refused"] == []

    def close(self) -> None:
        self.http.close()


@pytest.fixture
def look() -> Iterator[Callable[[Any], Pages]]:
    """Return what opens the pages of a board."""
    with ExitStack() as opened:
        yield lambda shown: opened.enter_context(closing(Pages(shown)))


def test_errata_doubts_planted_errors_and_verdicts_come_back_under_the_index(
    frame: pd.DataFrame, look: Callable[[Any], Pages]
) -> None:
    """From pictures in memory to a corrected DataFrame, by the lines of docs/howto/notebook.md as they stand."""
    first, second = re.findall(r"```python\n(.*?)```", HOWTO, re.DOTALL)
    names: dict[str, Any] = {"df": frame}
    exec(first, names)
    pages = look(names["b"])
    assert names["b"].verdicts.empty
    assert list(names["b"].verdicts.columns) == [
        "given", "decision", "label", "reason", "strength", "seconds", "at", "reviewer",
    ]  # fmt: skip
    project = pages.get("")
    assert (project["project_url"], project["fields"]) == (None, ["camera"])
    assert pages.get("/instructions") == {"instructions": ""}
    assert project["rows"] == N
    tiles = pages.suspects()
    assert {pages.get(f"/rows/{tile['key']}")["data"]["index"] for tile in tiles[:WRONG]} == {f"p{n}" for n in range(6)}
    assert pages.get(f"/rows/{tiles[0]['key']}")["task_url"] is None
    assert pages.get(f"/{tiles[0]['content']['src']}")[:2] == b"\xff\xd8"
    for tile in tiles[:4]:
        pages.decide(tile["key"], "take_proposal", label=tile["predicted"])
    pages.decide(tiles[4]["key"], "keep", strength="scan")
    pages.decide(tiles[5]["key"], "fix", label=tiles[5]["given"] and str((int(tiles[5]["given"]) + 2) % 3))
    pages.decide(tiles[3]["key"], None)
    found = names["b"].verdicts
    assert found.index.name == "picture"
    assert found["decision"].tolist() == ["take_proposal"] * 3 + ["keep", "fix"]
    assert found["strength"].tolist() == ["verdict"] * 3 + ["scan", "verdict"]
    assert (found["given"] == frame.loc[found.index, "label"]).all()
    assert found["seconds"].tolist() == [1.5] * 5
    kept = names["b"]
    exec(second, names)
    changed = names["wrong"].index
    assert len(changed) == 4
    assert (names["df"].loc[changed, "label"] == [int(name[1:]) % 3 for name in changed]).all()
    assert names["df"]["label"].map(type).eq(int).all()
    assert "closed" in repr(kept)
    with pytest.raises(UsageError, match="closed"):
        _ = kept.verdicts
    with pytest.raises(httpx.ConnectError):
        pages.get("")


def test_a_store_keeps_verdicts_for_rows_that_are_the_same(
    frame: pd.DataFrame, look: Callable[[Any], Pages], tmp_path: Path
) -> None:
    """Wherever a row stands now; not for one that has another label by now. Without a store nothing is left."""
    frame = frame.assign(text=frame.index).drop(columns="image")
    proposed = frame.assign(proposed=(frame["label"] + 1) % 3, score=np.linspace(1, 0.1, N))
    options = {"label": "label", "text": "text", "proposed": "proposed", "disagreement": "score"}
    with closing(board(proposed, **options, store=tmp_path / "kept")) as shown:
        pages = look(shown)
        tiles = {pages.get(f"/rows/{tile['key']}")["data"]["index"]: tile for tile in pages.suspects()}
        for name in ("p0", "p1", "p2"):
            pages.decide(tiles[name]["key"], "keep")
        before = shown.verdicts
    turned = proposed.iloc[::-1].copy()
    turned.loc["p1", "label"] = (turned.loc["p1", "label"] + 2) % 3
    with closing(board(turned, **options, store=tmp_path / "kept")) as shown:
        assert shown.verdicts.index.tolist() == ["p0", "p2"]
        assert shown.verdicts.equals(before.drop("p1"))
    with closing(board(turned, **options)) as shown:
        assert shown.verdicts.empty
    assert not (tmp_path / "data").exists()


def test_only_the_address_lets_in_and_only_notebooks_may_frame_it(frame: pd.DataFrame) -> None:
    """Every path without the secret is nothing; other sites' pages get nothing with it; nobody signs in or out."""
    frame = frame.assign(image=[None, "gone.png", *frame["image"][2:]], score=0.0)
    with closing(board(frame, label="label", image="image", disagreement="score")) as shown:
        root, secret = re.fullmatch(r"(http://127\.0\.0\.1:\d+/)([\w-]{32})/board/scan\.html.*", shown.url).groups()
        with httpx.Client(base_url=root, trust_env=False, timeout=60) as http:
            for path in ("", "board/", "board/api/session", f"{secret}", f"{secret[:-1]}/board/", f"x{secret}/board/"):
                assert http.get(path).status_code == 404, path
            page = http.get(f"{secret}/board/scan.html", headers={"host": "hub.example.com"})
            assert page.is_success
            policy = page.headers["content-security-policy"]
            assert "frame-ancestors 'self' http://localhost:* http://127.0.0.1:* " in policy
            assert "script-src 'self';" in policy
            session = f"{secret}/board/api/session"
            said = http.get(session).json()
            assert (said["expires_at"], said["label_studio"]) == (None, None)
            assert http.get(session, headers={"sec-fetch-site": "cross-site"}).status_code == 403
            assert http.post(session, json={"token": "x"}, headers={"x-errata": "board"}).status_code == 403
            assert http.delete(session, headers={"x-errata": "board"}).status_code == 403
            projects = http.get(f"{secret}/board/api/projects").json()["projects"]
            assert [(each["rows"], each["suspects"]) for each in projects] == [(N, 0)]
            send = f"{secret}/board/api/projects/{projects[0]['id']}/send"
            refused = http.post(send, json={"keys": ["0" * 20]}, headers={"x-errata": "board"})
            assert (refused.status_code, "no review project" in refused.text) == (400, True)
        assert shown.url.endswith("&show=all")


def test_what_cannot_be_used_is_told_and_the_rest_is_shown(
    frame: pd.DataFrame, look: Callable[[Any], Pages], capsys: pytest.CaptureFixture[str]
) -> None:
    """A row without a picture, one whose file is gone, one without a label; nothing to learn from."""
    frame = frame.assign(image=[None, "gone.png", *frame["image"][2:]], label=[1] * 88 + [2, None])
    with closing(board(frame, label="label", image="image")) as shown:
        assert look(shown).get("")["rows"] == 87
    said = capsys.readouterr().out
    assert "Left out: 1 x rows without a label." in said
    assert "Left out: 1 x rows without anything in 'image'." in said
    assert "Left out: 1 x media: gone.png cannot be read (No such file or directory)." in said
    gone = frame.assign(image="gone.png")
    with closing(board(gone, label="label", image="image")) as shown:
        assert look(shown).get("")["rows"] == 89
        assert shown.url.endswith("&show=all")
    assert "Nothing is suspected." in capsys.readouterr().out
    refused = (
        (None, "every row of 'label' is empty"),
        (7, "is '7'"),
        (["a", "\x00"] * 45, "characters that no text has"),
    )
    for labels, words in refused:
        with pytest.raises(UsageError, match=words):
            board(frame.assign(label=labels), label="label", image="image")


def test_a_notebook_shows_it_by_itself(frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a frame: at this machine, or below the address of the person's server in a JupyterHub."""
    with closing(
        board(frame.assign(score=1.0), label="label", image="image", disagreement="score", height=500)
    ) as shown:
        html = shown._repr_html_()
        assert f'src="{shown.url}"' in html
        assert 'height="500"' in html
        assert repr(shown) == f"<errata's scan board at {shown.url}>"
        monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ann@example.com/")
        port, path = re.fullmatch(r"http://127\.0\.0\.1:(\d+)(/.*)", shown.url).groups()
        assert f'src="/user/ann@example.com/proxy/{port}{path}"' in shown._repr_html_()
        assert "<script" not in shown._repr_html_()
    assert shown._repr_html_() == "<p>This board was closed.</p>"
    shown.close()
