"""What Label Studio shows a person of projects."""

from __future__ import annotations

from collections.abc import Sequence

from errata.labelstudio.client import LabelStudio
from errata.labelstudio.markup import visible_text

_AT_ONCE = 200  # ids an address can name


def shown_projects(client: LabelStudio, project_ids: Sequence[int]) -> dict[int, str]:
    """Return id -> title of those of these projects that the token's user sees, in the order that they are given in.

    Raises:
        LabelStudioRefused: the token does not count.
        LabelStudioUnreachable: nothing answers there.
    """
    titles: dict[int, str] = {}
    for start in range(0, len(project_ids), _AT_ONCE):
        named = ",".join(map(str, project_ids[start : start + _AT_ONCE]))
        # A Label Studio that does not know `ids` lists all that there are.
        for each in client.paged("api/projects/", {"ids": named, "include": "id,title"}):
            titles[int(each["id"])] = str(each.get("title") or "")
    return {id_: titles[id_] for id_ in project_ids if id_ in titles}


def read_instructions(client: LabelStudio, project_id: int) -> str:
    """Return a project's instructions for labelling as plain text, "" where it has none.

    Raises:
        LabelStudioGone: Label Studio shows no such project.
        LabelStudioUnreachable: nothing answers there.
    """
    project = client.get(f"api/projects/{project_id}/", {"include": "id,expert_instruction"})
    return visible_text(str(project.get("expert_instruction") or ""))
