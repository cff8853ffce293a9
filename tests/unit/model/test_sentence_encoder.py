import sys

import numpy as np
import pytest

from errata_model.encoders.text import WeightsUnavailable, load_text_encoder

pytest.importorskip("sentence_transformers", reason="the extra errata[text] is not installed")

LETTERS = "abcdefghijklmnopqrstuvwxyz"
READS = 16  # tokens, the two around a text included


def save_model(folder, seed):
    """Save a model of one layer whose tokens are letters."""
    import torch  # noqa: PLC0415 - as slow as the rest
    from transformers import BertConfig, BertModel, BertTokenizerFast  # noqa: PLC0415

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    BertTokenizerFast.from_pretrained(folder, model_max_length=READS).save_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=12,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=12,
            max_position_embeddings=READS,
        )
        BertModel(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("models") / "one", 0)


@pytest.fixture(scope="module")
def encoder(model):
    return load_text_encoder(model)


def test_a_folder_is_an_encoder(encoder):
    """Rows are dense, of one block, in order, and the same whatever stands beside a text."""
    rows = encoder.encode(["ab cd", "xyz", "ab cd"])
    assert rows.dtype == np.float32
    assert rows.shape == (3, encoder.width) == (3, 12)
    assert encoder.blocks == (12,)
    np.testing.assert_allclose(rows[0], rows[2], atol=1e-6)
    np.testing.assert_allclose(rows[1], encoder.encode(["xyz"])[0], atol=1e-5)
    assert np.abs(rows[0] - rows[1]).max() > 0.01


def test_nothing_to_read_is_zeros(encoder):
    """Empty texts, and no texts at all."""
    assert not encoder.encode(["", "  "]).any()
    assert encoder.encode([]).shape == (0, 12)


def test_identity_follows_the_weights(model, encoder, tmp_path):
    """The same weights have the same identity in another process; others have another."""
    assert load_text_encoder(model).identity == encoder.identity
    other = load_text_encoder(save_model(tmp_path / "two", 1)).identity
    assert other.split(":")[-2] != encoder.identity.split(":")[-2]


def test_long_texts_are_read_to_their_end(encoder):
    """What the model would cut off counts: a text is the average of the pieces that it reads whole."""
    head = " ".join(LETTERS[:13])
    tail = " ".join(LETTERS[13:])
    found = encoder.encode([f"{head} {tail}", head, tail])
    weights = [len(head), len(tail) + 1]
    np.testing.assert_allclose(found[0], np.average(found[1:], axis=0, weights=weights), atol=1e-4)


def test_what_has_no_spaces_is_cut_anywhere(encoder):
    """Each of a thousand letters run together is read, and of a giant text as many pieces as bound the time."""
    run_together = encoder.encode(["a" * 500 + "b" * 500, "a" * 500])
    assert np.abs(run_together[0] - run_together[1]).max() > 0.01
    spread = encoder.encode(["a " * 100_000 + "b " * 100_000, "a " * 100_000])
    assert np.abs(spread[0] - spread[1]).max() > 0.01


def test_several_models_are_one_encoder(model, tmp_path):
    """Names with a comma between: the rows stand side by side, each a block."""
    second = save_model(tmp_path / "two", 1)
    joint = load_text_encoder(f"{model},{second}")
    assert joint.blocks == (12, 12)
    expected = [load_text_encoder(name).encode(["abc"]) for name in (model, second)]
    np.testing.assert_allclose(joint.encode(["abc"]), np.concatenate(expected, axis=1), atol=1e-6)


def test_a_folder_without_a_model_is_said_so(tmp_path):
    """The error names the folder and what would do."""
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "missing"):
        with pytest.raises(WeightsUnavailable, match=rf"{folder.name}.*SentenceTransformer\.save"):
            load_text_encoder(str(folder)).encode(["a"])


def test_a_name_that_cannot_be_had_is_said_so(monkeypatch):
    """Without the network, the error comes at once and names what needs none."""
    from huggingface_hub import constants  # noqa: PLC0415

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(WeightsUnavailable, match=r"not in the cache.*`words,characters`"):
        load_text_encoder("errata-tests/no-such-model").encode(["a"])


def test_a_missing_extra_is_said_so(monkeypatch):
    """The error names the command that brings it."""
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(WeightsUnavailable, match=r"pip install 'errata\[text\]'"):
        load_text_encoder("all-MiniLM-L6-v2").encode(["a"])
