"""The scan board in a notebook."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from errata.notebook.shown import Shown

HEIGHT_PX = 760


def board(
    frame: Any = None,
    *,
    project: int | None = None,
    label: str | None = None,
    image: str | None = None,
    text: str | None = None,
    proposed: str | None = None,
    disagreement: str | None = None,
    store: str | PathLike[str] | None = None,
    height: int = HEIGHT_PX,
) -> Shown:
    """Show the scan board: of a Label Studio project that was audited, or of a DataFrame without any Label Studio.

    The pages are served by this process, on a free port of this machine, at an address that nobody can guess; they
    end with it, or with `close()`. What is decided there is in `verdicts`, a DataFrame.

    Args:
        frame: a pandas DataFrame, a label a row. Rows are told apart by its index.
        project: the number of a Label Studio project that was audited on this machine; verdicts are recorded as those
            of the person whose token errata has.
        label: the column with the labels. Rows without one are left out.
        image: the column with the pictures: paths, bytes, PIL images, or arrays of (height, width), (height, width, 3)
            or (height, width, 4) in [0, 255].
        text: the column with the texts, where there are no pictures.
        proposed: the column with what somebody or something else would say. Rows where it differs are the suspects.
        disagreement: the column that says how likely each label is wrong, in [0, 1]; without `proposed`, those of 0.5
            and more are the suspects. Without both columns errata forms a belief of its own, as in an audit.
        store: a folder that keeps verdicts for the next time; without one they last as long as this process.
        height: of the frame in the notebook, in pixels.

    Raises:
        UsageError: an argument or a column is missing or wrong, or the project was not audited.
        ServiceError: Label Studio cannot be reached, or refuses the token.
    """
    from errata.notebook.columns import Columns  # noqa: PLC0415
    from errata.notebook.opening import show_frame, show_project  # noqa: PLC0415 (imports PyTorch)

    if frame is None:
        return show_project(project, height)
    return show_frame(frame, project, Columns(label, image, text, proposed, disagreement), store, height)
