"""Reading, counting and encoding over texts that are a dict."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from errata.audit.beliefs import UsedEncoder
from errata.audit.embed import groups_of
from errata.audit.embed_text import BATCH, TextEmbedder, text_key
from errata.errors import LabelStudioUnreachable, MediaError
from errata_model.encoders.text import JointTextEncoder, load_text_encoder


@dataclass
class Page:
    """What data hold: the text itself, or an error to raise. Counts the threads that read."""

    is_far: bool = False
    threads: set[int] = field(default_factory=set)

    def read(self, value: Any, task_id: int) -> str:
        self.threads.add(threading.get_ident())
        if isinstance(value, Exception):
            raise value
        return str(value)


@dataclass
class LengthEncoder:
    """Says how long a text is. Counts what it encodes."""

    identity: str = "length:1"
    width: int = 3
    blocks: tuple[int, ...] = (3,)
    encoded: list[int] = field(default_factory=list)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.encoded.append(len(texts))
        return np.array([[len(text), 1, 0] for text in texts], dtype=np.float32)


@pytest.fixture
def encoder() -> LengthEncoder:
    return LengthEncoder()


@pytest.fixture
def embed(studio: Any, encoder: LengthEncoder) -> Any:
    return lambda values: embedder(Page(), encoder, studio).embed(values, studio.told)


def embedder(page: Page, encoder: LengthEncoder, studio: Any) -> TextEmbedder:
    return TextEmbedder(page, encoder, [(encoder, studio.embeddings)], UsedEncoder(encoder.identity, "length"))


def counter() -> TextEmbedder:
    encoder = load_text_encoder("words,characters")
    return TextEmbedder(Page(), encoder, (), UsedEncoder(encoder.identity, "words,characters"))


def test_counts_stand_in_the_order_of_tasks_and_nothing_is_kept(studio: Any) -> None:
    """Each task's counts are those of its own text, in two blocks; equal texts are one group."""
    encoder = load_text_encoder("words,characters")
    values = {9: "the cat sat", 2: "a dog", 7: "the cat sat", 4: " a dog\n"}
    embedded = counter().embed(values, studio.told)
    assert embedded.task_ids.tolist() == [9, 2, 7, 4]
    assert (embedded.blocks, embedded.rows.shape) == (encoder.blocks, (4, encoder.width))
    wanted = encoder.encode(["the cat sat", "a dog", "the cat sat", "a dog"])
    assert abs(embedded.rows - wanted).max() == 0
    assert embedded.content_keys[1] == text_key("a dog")
    groups = groups_of(embedded.content_keys)
    assert (groups[0] == groups[2], groups[1] == groups[3], groups[0] == groups[1]) == (True, True, False)
    assert embedded.encoder == UsedEncoder(encoder.identity, "words,characters")
    assert studio.told.stages == [("Reading texts", 4), ("Encoding texts", 2)]


def test_embeddings_are_kept_and_only_new_texts_are_encoded(embed: Any, studio: Any, encoder: LengthEncoder) -> None:
    """Tasks of one text cost one encoding, a second audit those of new texts alone."""
    first = embed({1: "aaa", 2: "aaa", 3: "bb"})
    assert first.rows[:, 0].tolist() == [3, 3, 2]
    again = embed({3: "bb", 4: "cccc", 1: "aaa"})
    assert again.rows[:, 0].tolist() == [2, 4, 3]
    assert encoder.encoded == [2, 1]
    assert studio.told.stages[-1] == ("Encoding texts", 1)


def test_many_texts_are_encoded_in_batches(embed: Any, encoder: LengthEncoder) -> None:
    """However many there are, a bounded number at a time."""
    n = 2 * BATCH + 1
    embedded = embed({i: "x" * (i + 1) for i in range(n)})
    assert embedded.rows[:, 0].tolist() == list(range(1, n + 1))
    assert encoder.encoded == [BATCH, BATCH, 1]


def test_what_cannot_be_read_is_counted_with_its_reason(embed: Any) -> None:
    """A task without a word in it, or whose file is gone, is left out; the others go on."""
    embedded = embed({1: "good", 2: " \n\t", 3: MediaError("it does not exist"), 4: "\u200b", 5: "!"})
    assert embedded.task_ids.tolist() == [1, 5]
    assert sorted(embedded.unusable) == [2, 3, 4]
    assert embedded.problems() == {"texts: the text is empty": 2, "texts: it does not exist": 1}


@pytest.mark.parametrize("name", ["words,characters", "length"])
def test_no_text_at_all(studio: Any, encoder: LengthEncoder, name: str) -> None:
    """Nothing in, nothing out, as wide as ever."""
    if name == "length":
        embedded = embedder(Page(), encoder, studio).embed({}, studio.told)
    else:
        embedded = counter().embed({1: ""}, studio.told)
    assert (embedded.rows.shape[0], embedded.content_keys, len(embedded.task_ids)) == (0, (), 0)
    assert embedded.rows.shape[1] == sum(embedded.blocks or ())


def test_files_are_fetched_by_threads(studio: Any, encoder: LengthEncoder) -> None:
    """Texts behind addresses are read off the main thread; their order stays."""
    page = Page(is_far=True)
    embedded = embedder(page, encoder, studio).embed({3: "aaa", 1: "a"}, studio.told)
    assert embedded.task_ids.tolist() == [3, 1]
    assert embedded.rows[:, 0].tolist() == [3, 1]
    assert threading.get_ident() not in page.threads


def test_label_studio_going_away_ends_the_audit(studio: Any, encoder: LengthEncoder) -> None:
    """That a file cannot be had because nothing can be had is no finding about the file."""
    values = {1: "a", 2: LabelStudioUnreachable("Label Studio is down.")}
    with pytest.raises(LabelStudioUnreachable, match="Label Studio is down"):
        embedder(Page(is_far=True), encoder, studio).embed(values, studio.told)


def test_of_several_encoders_only_a_new_one_runs(studio: Any, encoder: LengthEncoder) -> None:
    """Each keeps its own rows; they lie side by side in the order asked for."""

    @dataclass
    class WordEncoder(LengthEncoder):
        identity: str = "words:1"
        encoded: list[int] = field(default_factory=list)

        def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
            self.encoded.append(len(texts))
            return np.array([[len(text.split()), 0, 2] for text in texts], dtype=np.float32)

    words, caches = WordEncoder(), (studio.embeddings, type(studio.embeddings)())
    embedder(Page(), encoder, studio).embed({1: "a bb"}, studio.told)
    joint = JointTextEncoder([words, encoder])
    parts = [(words, caches[1]), (encoder, caches[0])]
    embedded = TextEmbedder(Page(), joint, parts, UsedEncoder(joint.identity, "two")).embed(
        {1: "a bb", 2: "ccc"}, studio.told
    )
    assert embedded.rows.tolist() == [[2, 0, 2, 4, 1, 0], [1, 0, 2, 3, 1, 0]]
    assert (embedded.blocks, words.encoded, encoder.encoded) == ((3, 3), [2], [1, 1])
    assert studio.told.stages[-1] == ("Encoding texts", 3)
