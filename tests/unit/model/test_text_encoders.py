import subprocess
import sys

import numpy as np
import pytest

from errata_model.encoders.text import UnknownEncoder, UnusableText, load_text_encoder, readable_text


def words_shared(encoder, one, other):
    """Return how many counted n-grams two texts share."""
    rows = encoder.encode([one, other])
    return len(np.intersect1d(rows[[0]].indices, rows[[1]].indices))


def test_words_and_pairs_of_words_are_counted():
    """Whatever the case and the punctuation; n words have n - 1 pairs."""
    encoder = load_text_encoder("words")
    rows = encoder.encode(["The cat, the dog!", "the CAT the dog"])
    np.testing.assert_array_equal(rows[[0]].toarray(), rows[[1]].toarray())
    assert rows.sum(axis=1).tolist() == [7, 7]
    assert rows.max() == 2
    assert rows.dtype == np.float32
    assert rows.shape == (2, encoder.width)


def test_runs_of_characters_are_counted_within_words():
    """A misspelt word still shares most of its runs, none reach over a space."""
    encoder = load_text_encoder("characters")
    assert words_shared(encoder, "government", "goverment") > 8
    rows = encoder.encode(["abc def", "def abc"])
    np.testing.assert_array_equal(rows[[0]].toarray(), rows[[1]].toarray())


def test_the_default_is_both_side_by_side():
    """Two blocks of one sparse row."""
    joint, words, characters = (load_text_encoder(*name) for name in ((), ("words",), ("characters",)))
    assert joint.blocks == (words.width, characters.width)
    assert joint.width == sum(joint.blocks)
    assert joint.identity == f"{words.identity},{characters.identity}"
    rows = joint.encode(["some text"])
    np.testing.assert_array_equal(rows[:, : words.width].toarray(), words.encode(["some text"]).toarray())
    np.testing.assert_array_equal(rows[:, words.width :].toarray(), characters.encode(["some text"]).toarray())


def test_another_process_counts_the_same():
    """Columns and counts do not depend on the process."""
    texts = ["wrong labels", "日本語のテキスト", "हिन्दी में"]
    code = (
        "from errata_model.encoders.text import load_text_encoder;"
        f"rows = load_text_encoder().encode({texts!a});"
        "print(rows.indices.tolist() + rows.data.tolist())"
    )
    command, environment = [sys.executable, "-c", code], {"PYTHONHASHSEED": "3"}
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    rows = load_text_encoder().encode(texts)
    assert said.strip() == str(rows.indices.tolist() + rows.data.tolist())


def test_columns_are_the_same_everywhere():
    """Counts that were kept, and models that were saved, stay right: on every platform these are the columns."""
    assert sorted(load_text_encoder("words").encode(["wrong labels"]).indices) == [94_636, 100_016, 228_268]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("我今天去北京旅游", "他在北京工作"),
        ("東京都に住んでいます", "来年東京へ行きたい"),
        ("मुझे हिन्दी पसंद है", "हिन्दी सीखो"),
        ("ฉันรักกรุงเทพมหานคร", "ไปกรุงเทพมหานครกัน"),
        ("أحب القاهرة كثيرا", "سافرت إلى القاهرة أمس"),
        ("Ich wohne in München", "MÜNCHEN ist schön"),
    ],
)
def test_texts_of_any_language_share_what_they_share(one, other):
    """Also where words are not divided by spaces, or hold marks that are no letters."""
    encoder = load_text_encoder()
    unrelated = words_shared(encoder, one, "zzzz qqqq")
    assert words_shared(encoder, one, other) >= unrelated + 2


def test_a_word_with_marks_is_one_word():
    """Indic vowel signs and joiners do not cut words, each Chinese character is one."""
    encoder = load_text_encoder("words")
    assert encoder.encode(["हिन्दी", "می‌خواهم", "北京", "l'été"]).sum(axis=1).tolist() == [1, 1, 3, 3]


def test_order_and_batches_are_of_no_account():
    """Every text is counted as it is alone, whatever stands beside it; no texts are no rows."""
    encoder = load_text_encoder("words")
    texts = ["one two", "", "three " * 100_000, "four", "f i v e " * 90_000]
    rows = encoder.encode(texts)
    for row, text in enumerate(texts):
        alone = encoder.encode([text])
        assert (rows[[row]] != alone).nnz == 0
    assert not rows[[1]].nnz
    assert encoder.encode([]).shape == (0, encoder.width)


def test_long_texts_are_read_to_their_end():
    """Of 200 pages nothing is left out but pairs of words over the cuts; the last word counts."""
    encoder = load_text_encoder("words")
    pages = " ".join(f"word{n % 5000}" for n in range(70_000))
    rows = encoder.encode([pages, f"{pages} last", "last"])
    n_words = 70_000
    assert 2 * n_words - 50 < rows[[0]].sum() <= 2 * n_words - 1
    last = rows[[2]].indices
    assert rows[[1]][:, last].sum() == rows[[0]][:, last].sum() + 1


def test_giant_texts_are_read_all_over():
    """Beyond what is read whole, passages from the beginning to the end count, as many as bound the time."""
    encoder = load_text_encoder("words")
    rows = encoder.encode(["first " * 600_000 + "second " * 600_000, "first", "second"])
    first, second = rows[[1]].indices, rows[[2]].indices
    n_first, n_second = rows[[0]][:, first].sum(), rows[[0]][:, second].sum()
    assert 0.4 < n_first / (n_first + n_second) < 0.6
    assert rows[[0]].sum() < 800_000


@pytest.mark.parametrize("text", ["", " \n\t", "\x00\x01", "\u200b\u200d\ufeff"])
def test_an_empty_text_is_unusable(text):
    """Nothing but spaces and what cannot be seen; the reason says so."""
    with pytest.raises(UnusableText, match="the text is empty"):
        readable_text(text)


def test_characters_have_one_form():
    """Full width, ligatures, composed accents and half a surrogate pair; line feeds stay."""
    assert readable_text(" Ａﬁ e\u0301\ud800x\r\nｶﾞ ") == "Afi é x \nガ"
    assert readable_text("👍!") == "👍!"


def test_marks_upon_marks_take_no_time():
    """A text of nothing but marks, which takes minutes to normalise at once."""
    n_read = len(readable_text("a" + "\u0315\u0300" * 300_000))
    assert 500_000 < n_read <= 600_001


@pytest.mark.parametrize("name", ["", "words,", "words,words", "words,all-MiniLM-L6-v2"])
def test_names_that_make_no_encoder_are_refused(name):
    """Empty, twice, or counts beside embeddings; the error names one that would do."""
    with pytest.raises(UnknownEncoder, match="words,characters"):
        load_text_encoder(name)


def test_loading_imports_nothing_heavy():
    """The command line stays quick: neither scikit-learn nor torch before the first text."""
    code = (
        "import sys; from errata_model.encoders.text import load_text_encoder; load_text_encoder().width;"
        "load_text_encoder('all-MiniLM-L6-v2');"
        "print([m for m in ('sklearn', 'torch', 'sentence_transformers', 'transformers') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
