"""What the end of an audit keeps for the pages, and what becomes of failures there."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def examination(desk, task):
    """An audit of thirty texts about two topics."""
    config = """<View><Text name="text" value="$text"/><Choices name="topic" toName="text">
    <Choice value="sport"/><Choice value="money"/></Choices></View>"""
    words = {
        "sport": ["match", "goal", "team", "coach", "league"],
        "money": ["market", "shares", "bank", "profit", "stocks"],
    }
    tasks = []
    for n in range(30):
        topic = ("sport", "money")[n % 2]
        said = {"from_name": "topic", "to_name": "text", "type": "choices", "value": {"choices": [topic]}}
        tasks.append(task({"text": " ".join(words[topic][n % 4 :] + words[topic][:3])}, [{"id": "t", **said}]))
    return desk.examine(config, tasks, "own")


def test_the_table_is_kept(desk, examination):
    """It is the project's active one, as it was made, with its details; the next one follows its map."""
    desk.wiring.make_board(examination, desk.senses, desk.names, desk.progress)
    boards, project_id = desk.wiring.boards, examination.snapshot.project_id
    table = boards.load(project_id, boards.active(project_id))
    assert [key.decode() for key in table.keys.tolist()] == [each.key for each in examination.findings.all]
    (detail,) = boards.details(project_id, table.version, [4])
    assert detail.finding == examination.findings.all[4]
    assert detail.shown == next(each for each in examination.snapshot.tasks if each.id == table.tasks[4]).data["text"]
    desk.wiring.make_board(examination, desk.senses, desk.names, desk.progress)
    again = boards.load(project_id, boards.active(project_id))
    np.testing.assert_array_equal(again.xy, table.xy)


def test_a_damaged_table_is_made_anew(desk, examination):
    """Files that were truncated hinder nobody: the next audit's table is whole."""
    desk.wiring.make_board(examination, desk.senses, desk.names, desk.progress)
    boards, project_id = desk.wiring.boards, examination.snapshot.project_id
    for file in (desk.folder / "data" / "boards").rglob("columns.npz"):
        file.write_bytes(b"PK")
    altered = examination.snapshot.tasks[0].data
    altered["text"] += " again"
    desk.wiring.make_board(examination, desk.senses, desk.names, desk.progress)
    assert len(boards.load(project_id, boards.active(project_id))) == 30


def test_a_failure_leaves_the_audit_alone(desk, examination):
    """Where the table cannot be kept, a sentence says so, and nothing is raised."""
    desk.wiring.settings.data_dir.mkdir(exist_ok=True)
    (desk.wiring.settings.data_dir / "boards").write_text("in the way")
    desk.wiring.make_board(examination, desk.senses, desk.names, desk.progress)
    assert desk.told[-1].startswith("The pages do not show this audit: ")
