"""Look whether predictions from elsewhere have seen the labels that they are held against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from errata.audit.beliefs import ControlBelief
from errata.audit.believe import Belief, Believer, soft_targets, values_of
from errata.audit.embed import Embedded, Embedder
from errata.audit.field_groups import group_by_field
from errata.audit.ports import Progress
from errata.audit.snapshot import Snapshot, Task
from errata.audit.wording import per_cent
from errata.errors import MediaError, UsageError
from errata_model.kinds.choices.learner import fit_choices
from errata_model.leaks import Leak, find_leak
from errata_model.records import Control

N_ASKED = 1000  # labelled tasks that a witness is asked about: enough to see dozens of doubted labels

EmbedderOf = Callable[[Control], Embedder]
Embed = Callable[[Control, Sequence[Task]], Embedded]


class GuardedBeliever:
    """A source of belief whose predictions are held against a witness: errata's own learner, on some of the tasks.

    Args:
        believer: the source.
        embedder_of: says how to embed what a control labels.
        group_by: the field of tasks' data whose equal values must not vouch for one another; see `group_by_field`.
    """

    def __init__(self, believer: Believer, embedder_of: EmbedderOf, group_by: str | None = None) -> None:
        self._believer = believer
        self._embedder_of = embedder_of
        self._group_by = group_by

    def believe(self, snapshot: Snapshot, progress: Progress) -> Belief:
        """See `Believer.believe`. What looks in-sample is said in its caution; where that cannot be told, a remark."""
        of_field = group_by_field(snapshot.tasks, self._group_by) if self._group_by else None
        belief = self._believer.believe(snapshot, progress)

        def embed(control: Control, tasks: Sequence[Task]) -> Embedded:
            values = values_of(tasks, control.data_key)
            media = self._embedder_of(control).embed(values, progress).compared()
            return media.grouped(of_field.values) if of_field else media

        remarks, cautions = [*belief.remarks, *([of_field.remark] if of_field else [])], [belief.caution]
        for about in belief.artefact.beliefs:
            leak, obstacle = _leak_of(snapshot.tasks, about, embed)
            if leak is not None and leak.is_suspected:
                cautions.append(_caution(about, leak))
            elif obstacle:
                remarks.append(
                    f'Whether the predictions about "{about.control.name}" learned from the labels themselves cannot '
                    f"be told: {obstacle.rstrip('.')}."
                )
        return replace(belief, remarks=tuple(remarks), caution=" ".join(filter(None, cautions)))


def _leak_of(tasks: Sequence[Task], about: ControlBelief, embed: Embed) -> tuple[Leak | None, str]:
    """Return what speaks for a leak, and what keeps it from being told; "" where nothing does, or nothing is labelled.

    Tags are not looked at: of most items most tags are rightly left out, whoever says so.
    """
    if about.control.kind == "tags":
        return None, "of tags nobody looks"
    row_of = {int(task_id): row for row, task_id in enumerate(about.task_ids)}
    column = {label: k for k, label in enumerate(about.control.labels)}
    given = {
        row_of[task.id]: column[str(label.label)]
        for task in tasks
        for label in task.labels
        if label.control == about.control.name and label.suggested_by is None and task.id in row_of
    }
    rows = np.array(sorted(given), dtype=np.int64)
    labels = np.array([given[row] for row in rows.tolist()], dtype=np.int64)
    with_label = {row_of[task.id] for task in tasks if task.id in row_of and task.labels}
    without = np.array(sorted(set(row_of.values()) - with_label), dtype=np.int64)
    if not len(rows):
        return None, ""
    witness, obstacle = _witness(tasks, about, rows, embed)
    leak = find_leak(labels, about.probabilities[rows], witness=witness, unlabelled=about.probabilities[without])
    return leak, "" if leak.is_told else obstacle or "errata's own learner contradicts too few labels"


def _witness(
    tasks: Sequence[Task], about: ControlBelief, rows: NDArray[np.int64], embed: Embed
) -> tuple[NDArray[np.float64] | None, str]:
    """Return what errata's own learner believes about those rows, NaN where not asked; None where it cannot, and why.

    It cannot without media at hand, without weights, or with labels of one class alone.
    """
    drawn = np.random.default_rng(0).permutation(rows)[:N_ASKED]
    asked = set(about.task_ids[drawn].tolist())
    chosen = [task for task in tasks if task.id in asked]
    try:
        media = embed(about.control, chosen)
    except (MediaError, UsageError) as error:
        return None, str(error)
    targets = soft_targets(chosen, about.control, media)
    try:
        fitted = fit_choices(media.rows, targets, media.groups(), blocks=media.blocks)
    except ValueError:
        (problem, _), *_ = media.problems().most_common(1) or [("there are too few labels to learn from", 0)]
        return None, problem
    row_of = {int(about.task_ids[row]): n for n, row in enumerate(rows.tolist())}
    believed = np.full((len(rows), len(about.control.labels)), np.nan)
    believed[[row_of[int(task_id)] for task_id in media.task_ids]] = fitted.probabilities
    return believed, ""


def _caution(about: ControlBelief, leak: Leak) -> str:
    said = f'The predictions about "{about.control.name}" look as if they had learned from the labels themselves'
    on = []
    if leak.n_doubted and leak.agreement_on_doubted == leak.agreement_on_doubted:
        n_agreed = round(leak.n_doubted * leak.agreement_on_doubted)
        on.append(
            f"they agree with {n_agreed} of {leak.n_doubted} labels that a model which has not seen them would change, "
            f"and with {per_cent(leak.agreement)} of all (it: {per_cent(leak.agreement_of_witness)})"
        )
    if leak.surer >= 0.75:
        on.append(f"they are surer about a labelled task than about one without a label in {per_cent(leak.surer)}")
    if leak.is_perhaps_right:
        end = "If they had not, nearly every label were right; either way they find no wrong ones: use --belief own."
    else:
        end = "Wrong labels that were learned are not found: use --belief own."
    return f"{said}: {'; '.join(on)}. {end}"
