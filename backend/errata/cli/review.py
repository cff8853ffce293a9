"""`errata plan`, `apply`, `undo` and `export`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from errata.cli.console import echo, print_json, tell
from errata.cli.opening import open_wiring
from errata.errors import CheckFailed, UsageError
from errata.review.wording import change_words

if TYPE_CHECKING:
    from errata.review.apply import Applied
    from errata.review.plans import Conflict, Plan
    from errata.review.records import Change
    from errata.review.undo import Undone

Project = Annotated[int, typer.Argument(help="The source project's id in Label Studio.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
IncludeUndone = Annotated[bool, typer.Option(help="Also fixes that were applied and undone before.")]
WithOtherEdits = Annotated[
    bool,
    typer.Option("--with-other-edits", help="Also what reviewers corrected beside the region they were asked about."),
]
PauseTraining = Annotated[
    bool, typer.Option("--pause-training", help="Let Label Studio start no training until all is written.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (plan, apply, undo, export):
        app.command()(command)


def plan(
    project: Project,
    as_json: AsJson = False,
    include_undone: IncludeUndone = False,
    with_other_edits: WithOtherEdits = False,
) -> None:
    """Show what `errata apply` would change, who said so, and what else writing sets off."""
    wiring = open_wiring()
    wiring.take_verdicts(project)
    planned = wiring.plan(project, include_undone, with_other_edits=with_other_edits)
    effects = wiring.side_effects(project)
    if as_json:
        print_json(asdict(planned) | {"side_effects": effects})
        return
    for line in (*_plan_lines(planned), *effects):
        echo(line)


def apply(
    project: Project,
    as_json: AsJson = False,
    include_undone: IncludeUndone = False,
    with_other_edits: WithOtherEdits = False,
    pause_training: PauseTraining = False,
) -> None:
    """Write the confirmed fixes to the source project, journalled."""
    wiring = open_wiring()
    wiring.take_verdicts(project)
    effects = wiring.side_effects(project, trains=not pause_training)
    for line in effects:
        tell(line)
    applied = wiring.apply(project, include_undone, with_other_edits=with_other_edits, pauses_training=pause_training)
    if as_json:
        outcome = _outcome(applied, written=len(applied.written), changeset=applied.changeset_id)
        print_json(outcome | {"side_effects": effects})
    else:
        id_ = applied.changeset_id
        changeset = f" as changeset {id_} (`errata undo {id_}` takes it back)" if id_ else ""
        echo(f"{len(applied.written)} labels written{changeset}, {len(applied.conflicts)} left alone")
        _tell_conflicts(applied.conflicts)
    if applied.stopped:
        raise applied.stopped


def undo(
    changeset: Annotated[int | None, typer.Argument(help="What `errata apply` printed.")] = None,
    all_of: Annotated[int | None, typer.Option("--all", metavar="PROJECT", help="All that was ever applied.")] = None,
    as_json: AsJson = False,
    pause_training: PauseTraining = False,
) -> None:
    """Restore the labels that a changeset changed. A label that somebody edited since is left alone."""
    wiring = open_wiring()
    if (changeset is None) == (all_of is None):
        raise UsageError("Say which: `errata undo CHANGESET`, or `errata undo --all PROJECT`.")
    project = all_of if changeset is None else wiring.project_of_changeset(changeset)
    if project is None:
        raise UsageError("Say which: `errata undo CHANGESET`, or `errata undo --all PROJECT`.")
    undone = wiring.undo(project, changeset, pauses_training=pause_training)
    if as_json:
        print_json(_outcome(undone, restored=len(undone.restored)))
    else:
        echo(f"{len(undone.restored)} labels restored, {len(undone.conflicts)} left alone")
        _tell_conflicts(undone.conflicts)
    if undone.stopped:
        raise undone.stopped


def export(
    target: Annotated[str, typer.Argument(metavar="PROJECT|EXPORT.json", help="A project's id, or an export of it.")],
    out: Annotated[Path, typer.Option(help="Where to write; NAME.manifest.json goes beside it.")],
) -> None:
    """Write Label Studio JSON with the confirmed fixes merged and all else unchanged."""
    wiring = open_wiring()
    if target.isdigit():
        wiring.take_verdicts(int(target))
    manifest = wiring.export(target, out)
    echo(
        f"{out}: {manifest['tasks']} tasks, {manifest['fixes_merged']} fixes merged, "
        f"{manifest['fixes_in_the_source_already']} in the source already, "
        f"{manifest['tasks_dropped_as_unusable']} tasks dropped as unusable"
    )
    if manifest["fixes_left_out_because_the_label_changed"]:
        raise CheckFailed(
            f"{manifest['fixes_left_out_because_the_label_changed']} fixes were left out because the label was edited "
            "since; `errata plan` names them."
        )


def _plan_lines(planned: Plan) -> list[str]:
    lines = [_line(change) for change in planned.changes]
    lines += [f"{n} x {change_words(old, new)}" for old, new, n in planned.counts]
    lines += [conflict_line(conflict) for conflict in planned.conflicts]
    lines += [f"not asked for: {_line(change)}" for change in planned.other_edits]
    lines.append(
        f"{len(planned.changes)} labels to change, {planned.applied} applied already, "
        f"{len(planned.conflicts)} in conflict, {len(planned.undone)} undone before"
        + (" (--include-undone takes those too)" * bool(planned.undone))
    )
    if planned.other_edits:
        lines.append(f"{len(planned.other_edits)} other edits by reviewers (--with-other-edits takes those too)")
    return lines


def _line(change: Change) -> str:
    why = change.reason if change.is_other_edit else f"It was doubted: {change.reason}"
    return f"task {change.task_id}: {_words(change)}, says {change.reviewer}. {why}"


def conflict_line(conflict: Conflict) -> str:
    """Say which fix is left alone, and why."""
    change = conflict.change
    return f"left alone: task {change.task_id}, {_words(change)}: {conflict.why}"


def _words(change: Change) -> str:
    """Say what becomes of a label, and of a region where it is then: 'add "PER" on "Ann"'."""
    from errata.labelstudio.region_marks import where  # noqa: PLC0415  # slow: NumPy

    place = where(change.new_value or ()) if change.region_id is not None else ""
    return change_words(change.old_label, change.new_label) + place


def _tell_conflicts(conflicts: tuple[Conflict, ...]) -> None:
    for conflict in conflicts:
        echo(f"  {conflict_line(conflict)}")


def _outcome(outcome: Applied | Undone, **counts: Any) -> dict[str, Any]:
    conflicts = [asdict(conflict.change) | {"why": conflict.why} for conflict in outcome.conflicts]
    return {**counts, "conflicts": conflicts, "stopped": str(outcome.stopped) if outcome.stopped else None}
