"""Texts of any script as tokens, and spans as tags of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errata_model.kinds.spans.tagging import likely_spans, to_tags, token_range
from errata_model.kinds.spans.tokens import LONGEST_PIECE, tokenize
from errata_model.regions.records import Region
from errata_model.regions.shapes import Span


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Alice's 1,024.5 km (by Bob).", ["Alice", "'", "s", "1,024.5", "km", "(", "by", "Bob", ")", "."]),
        ("東京へ行く ABC", ["東", "京", "へ", "行", "く", "ABC"]),
        ("ไปเชียงใหม่", ["ไ", "ป", "เ", "ชี", "ย", "ง", "ใ", "ห", "ม่"]),
        ("نجيب محفوظ، كاتب", ["نجيب", "محفوظ", "،", "كاتب"]),
        ("हिन्दी में।", ["हिन्दी", "में", "।"]),
        ("e\u0301te\u0301 😀ok", ["e\u0301te\u0301", "😀", "ok"]),
        ("one-two_three", ["one", "-", "two", "_", "three"]),
        ("", []),
        (" \n\t", []),
    ],
)
def test_words_of_any_script(text: str, words: list[str]) -> None:
    """Words where scripts write spaces, characters with their marks where they do not, and signs one by one."""
    assert tokenize(text).words(text) == words


@given(st.text(st.characters(exclude_categories=()), max_size=300))
def test_tokens_are_all_that_is_no_space(text: str) -> None:
    """Tokens lie in order, overlap nowhere, and leave out nothing but spaces; pieces part them without a rest."""
    tokens = tokenize(text)
    assert "".join(tokens.words(text)) == "".join(text.split())
    assert (tokens.starts < tokens.ends).all()
    assert (tokens.starts[1:] >= tokens.ends[:-1]).all()
    assert tokens.pieces[0] == 0
    assert tokens.pieces[-1] == len(tokens.starts)
    assert (np.diff(tokens.pieces) > 0).all()


def test_long_texts_are_cut_at_lines_and_sentences() -> None:
    """A line is a piece; a long one is cut after a sentence, and one without sentences after 200 tokens."""
    assert np.diff(tokenize("one two\nthree").pieces).tolist() == [2, 1]
    sentence = "word " * 59 + ". "
    assert np.diff(tokenize(sentence * 5).pieces).tolist() == [180, 120]
    assert np.diff(tokenize("word " * 450).pieces).tolist() == [LONGEST_PIECE, LONGEST_PIECE, 50]


@pytest.mark.parametrize(
    ("span", "tokens"),
    [((0, 5), (0, 1)), ((0, 9), (0, 2)), ((1, 5), (0, 1)), ((5, 6), (1, 1)), ((4, 6), (0, 1)), ((90, 99), (3, 3))],
)
def test_spans_are_of_the_tokens_that_they_hold_half_of(span: tuple[int, int], tokens: tuple[int, int]) -> None:
    """A span that cuts a word has it where half is inside, or where it has no other; one of spaces has none."""
    placed = tokenize("Alice met Bob")
    assert token_range(placed.starts, placed.ends, Span(*span)) == tokens


def test_of_spans_that_overlap_the_longest_is_learned_from() -> None:
    """What tags cannot say is counted."""
    tokens = tokenize("New York City Hall")
    regions = [Region("a", "LOC", Span(0, 8)), Region("b", "ORG", Span(0, 18)), Region("c", "LOC", Span(8, 9))]
    tags, n_lost = to_tags(tokens, regions, ["LOC", "ORG"])
    assert (tags.tolist(), n_lost) == ([3, 4, 4, 4], 2)


def test_likely_spans_part_where_a_span_begins_or_the_class_changes() -> None:
    """Stretches of one class; a token that begins a span begins another one, and a faint end is left off."""
    probabilities = np.array(
        [[0.1, 0.9, 0], [0.1, 0.9, 0], [0.1, 0, 0.9], [0.1, 0.0, 0.9], [0.95, 0, 0.05], [1, 0, 0], [0.5, 0.5, 0]]
    )
    begins = np.array([0.9, 0, 0.9, 0.9, 0, 0, 0.5])
    found = likely_spans(probabilities, begins, np.ones(7, dtype=bool))
    assert [row[:3] for row in found] == [(0, 2, 0), (2, 3, 1), (3, 4, 1), (4, 5, 1), (6, 7, 0)]
    assert found[0][3] == pytest.approx(0.9)
    assert likely_spans(probabilities, begins, np.zeros(7, dtype=bool)) == []
