"""`errata audit` at work, and what it says of what it found."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from errata.audit.findings_file import to_json, write_findings, write_tasks
from errata.audit.wording import annotators_together, named, question
from errata.cli.console import echo, print_json, progress, tell
from errata.cli.failures import failure
from errata.cli.opening import open_wiring
from errata.errors import UsageError

if TYPE_CHECKING:
    from errata.audit.ports import Progress
    from errata.audit.review_order import Published
    from errata.audit.run import Examination
    from errata.wiring import BeliefOptions, Wiring

N_EXAMPLES = 20
FEW = 0.02  # of the labels: so few are in doubt where hardly any is wrong


def audit_one(
    target: str,
    config: Path | None,
    media: Path | None,
    out: Path | None,
    tasks_out: Path | None,
    options: BeliefOptions,
    *,
    all_: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Audit a project or an export and say what was found, as `errata audit` was told."""
    wiring = open_wiring()
    with progress(quiet=as_json) as shown, redirect_stdout(sys.stderr):  # what a user's own code prints is no result
        if target.isdigit():
            outcome = _audit_project(wiring, int(target), options, dry_run, shown)
        else:
            outcome = Outcome(wiring.examine_export(Path(target), config, media, options, shown))
    written = _write(outcome.examination, out, tasks_out, all_)
    if as_json:
        print_json(outcome.summary(dry_run))
        return
    for line in (*outcome.lines(dry_run), *written, *_way_to_review(wiring, target, outcome.published)):
        echo(line)
    if dry_run and outcome.published is None:
        tell("Nothing was written to Label Studio (--dry-run).")


def audit_every(options: BeliefOptions, dry_run: bool, as_json: bool) -> int:
    """Audit every connected project, one after another, past those that fail; return the worst exit code."""
    wiring = open_wiring()
    projects = wiring.audits.watched()
    if not projects:
        raise UsageError("No project is connected yet: errata connect PROJECT")
    worst, told = 0, []
    for project in projects:
        about = {"project": project.id, "title": project.title}
        if not as_json:
            echo(f"Project {project.id}, {project.title}")
        try:
            with progress(quiet=as_json) as shown, redirect_stdout(sys.stderr):
                outcome = _audit_project(wiring, project.id, options, dry_run, shown)
        except Exception as error:  # noqa: BLE001  as at the command line's boundary: the other projects are audited
            problem, exit_code = failure(error)
            worst = max(worst, exit_code)
            told.append({**about, "problem": problem, "exit_code": exit_code})
            lines = [f"failed: {problem}"]
        else:
            told.append({**about, **outcome.summary(dry_run), "problem": None, "exit_code": 0})
            lines = outcome.lines(dry_run)
        if not as_json:
            echo("\n".join(f"  {line}" for line in lines))
    if as_json:
        print_json({"projects": told})
    else:
        n_failed = sum(each["exit_code"] != 0 for each in told)
        echo(f"{len(told) - n_failed} of {len(told)} projects audited" + (f", {n_failed} failed" * (n_failed > 0)))
    return worst


@dataclass(frozen=True)
class Outcome:
    """What an audit brought; `published` is None where nothing was written to Label Studio."""

    examination: Examination
    published: Published | None = None
    n_predictions: int = 0

    def summary(self, with_examples: bool) -> dict[str, Any]:
        """Return the counts, as JSON."""
        summary: dict[str, Any] = self.examination.summary()
        if self.published:
            done = self.published
            summary |= {"predictions": self.n_predictions, "open": done.n_open, "inserted": done.n_inserted}
            summary |= {"withdrawn": done.n_withdrawn, "moved": done.n_moved}
        if with_examples:
            summary["examples"] = [to_json(finding) for finding in self.examination.findings.suspects[:N_EXAMPLES]]
        return summary

    def lines(self, with_examples: bool) -> list[str]:
        """Return the same for people."""
        counts = self.examination.summary()
        lines = [
            f"{counts['labels']} labels on {counts['tasks']} tasks in {_time(self.examination.seconds)}",
            *(f"  left out: {n} x {what}" for what, n in self.examination.skipped.most_common()),
            *(f"  left alone: {refused}" for refused in self.examination.snapshot.refused),
            *filter(None, (*self.examination.belief.remarks, self.examination.belief.caution)),
            *filter(None, (annotators_together(self.examination.findings.annotators),)),
            _suspects(self.examination),
        ]
        if with_examples:
            n_controls = len(self.examination.snapshot.controls)
            lines += [
                f"  {each.disagreement:.2f}  task {each.given.task_id}: "
                f"{named(question(each), each.given.control, n_controls)} {each.reason}"
                for each in self.examination.findings.suspects[:N_EXAMPLES]
            ]
        if self.published:
            done = self.published
            lines.append(
                f"{self.n_predictions} predictions pushed; {done.n_open} findings to review: "
                f"{done.n_inserted} new, {done.n_moved} moved, {done.n_withdrawn} withdrawn"
            )
        return lines


def _write(examination: Examination, out: Path | None, tasks_out: Path | None, all_: bool) -> list[str]:
    """Write the files that were asked for; say what they hold."""
    found, lines = examination.findings, []
    if out:
        findings = found.all if all_ else found.suspects
        write_findings(out, findings)
        lines.append(f"{out}: {len(findings)} findings, most likely error first")
    if tasks_out:
        write_tasks(tasks_out, (task.id for task in examination.snapshot.tasks), found.all)
        lines.append(f"{tasks_out}: {len(examination.snapshot.tasks)} tasks, most likely errors first")
    return lines


def _time(seconds: float) -> str:
    return f"{max(seconds, 1):.0f} s" if seconds < 60 else f"{seconds / 60:.1f} minutes"


def _audit_project(wiring: Wiring, project_id: int, options: BeliefOptions, dry_run: bool, shown: Progress) -> Outcome:
    if dry_run:
        return Outcome(wiring.examine_project(project_id, options, shown))
    return Outcome(*wiring.audit(project_id, options, shown))


def _way_to_review(wiring: Wiring, target: str, published: Published | None) -> list[str]:
    if published is None or not published.n_open:
        return []
    traces = wiring.footprint.of_project(int(target))
    ids = [trace.ref for trace in traces if trace.kind == "review_project"]  # all but the last were deleted
    return [f"Review them at {wiring.client.url}projects/{id_}/ with Label All Tasks" for id_ in ids[-1:]]


def _suspects(examination: Examination) -> str:
    n_suspects, n_doubted = len(examination.findings.suspects), examination.findings.n_doubted
    if not any(task.labels for task in examination.snapshot.tasks):
        return "Nothing is labelled yet: there is nothing to doubt."
    if not n_doubted:
        return "No label is in doubt."
    beyond = f", {n_doubted - n_suspects} more beyond the limit" if n_doubted > n_suspects else ""
    share = n_doubted / max(examination.summary()["labels"], 1)
    few = f". Few labels are in doubt: {share:.1%}" if share <= FEW else ""
    return f"{n_suspects} suspects{beyond}, model {examination.belief.artefact.version}{few}"
