"""What is said about answers that are no labels."""

from __future__ import annotations

from errata.audit.wording import excerpts, per_cent


def model_reason(given: str, said: str, version: str | None, certainty: float) -> str:
    """Say what a model answers: 'The prediction "v1" says "4" (90 %), the annotator "1".'.

    Args:
        given: the annotator's answer, in words.
        said: the model's.
        version: of the model, None where it has none.
        certainty: of the model, in [0, 1]; 1 is not told: most models that say so say nothing.
    """
    who = f'The prediction "{version}"' if version else "The prediction"
    if given == said:
        return f"{who} says the same."
    sure = f" ({per_cent(certainty)})" if certainty < 1 else ""
    theirs, own = excerpts(said, given)
    return f'{who} says "{theirs}"{sure}, the annotator "{own}".'


def annotators_reason(given: str, said: str, n_same: int, n_others: int) -> str:
    """Say what others answered: '2 of 3 other annotators say "4", this one "1".'.

    Args:
        given: the annotator's answer, in words.
        said: what most of the others say.
        n_same: how many of them.
        n_others: how many they are.
    """
    others = "the other annotator" if n_others == 1 else f"{n_same} of {n_others} other annotators"
    if n_same == n_others > 1:
        others = f"all {n_others} other annotators"
    verb = "says" if n_same == 1 else "say"
    others = others[0].upper() + others[1:]
    if given == said:
        return f"{others} {verb} the same."
    theirs, own = excerpts(said, given)
    return f'{others} {verb} "{theirs}", this one "{own}".'


def elsewhere_reason(given: str, n_others: int | None) -> str:
    """Say of two answers that read the same that they are marked in other places: objects on a video.

    Args:
        given: the answer, in words.
        n_others: how many other annotators there are; None where a model says so.
    """
    who = "The prediction marks" if n_others is None else "Other annotators mark"
    own, _ = excerpts(given, given)
    return f'{who} "{own}" too, elsewhere in the picture.'
