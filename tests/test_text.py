"""Texts: files, words, networks, several labels; and every method on them, or why it cannot."""

import hashlib
import importlib.util
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from unlearnlib import (
    METHODS,
    Labelled,
    Recipe,
    Scenario,
    fisher_diagonal,
    metrics,
    scenario,
    unlearn,
)
from unlearnlib.data import Dataset, load, sets, text
from unlearnlib.data.encoders import LENGTH
from unlearnlib.data.files import Part, Source
from unlearnlib.errors import DataError, RequestError, SpecError
from unlearnlib.methods.parts.distillation import divergence_from_teacher
from unlearnlib.methods.parts.rewinding import expected_error
from unlearnlib.models import build
from unlearnlib.models.text import VOCABULARY, EncoderClassifier, mean_over
from unlearnlib.offers import ordered
from unlearnlib.request import resolve
from unlearnlib.runs import one_run
from unlearnlib.stored.per_example import by_func

from .toys import seeded

TRAIN = b"So glad, so GLAD!\t17\ta1\nNot you again...\t2,3\ta2\nso what\t27\ta3\n"
TEST = b"Glad you came\t17,15\tb1\n"
transformers = pytest.mark.skipif(
    importlib.util.find_spec("transformers") is None, reason="needs the extra text"
)


@pytest.fixture
def official(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of the official form, of four comments."""
    contents = {"train.tsv": TRAIN, "test.tsv": TEST}
    parts = tuple(Part(k, len(v), hashlib.sha1(v).hexdigest()) for k, v in contents.items())
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.setenv("UNLEARNLIB_DATA", str(tmp_path))
    monkeypatch.setattr(sets, "GOEMOTIONS", Source("goemotions", parts, ("http://nowhere",)))


def test_texts_become_words_with_numbers_of_the_training_set(official: None) -> None:
    data = load("goemotions")
    known = text.vocabulary(["So glad, so GLAD!", "Not you again...", "so what"])
    assert list(known)[:3] == [".", "so", "glad"]
    assert data.train.x.shape == (3, LENGTH)
    first = [known[word] for word in ("so", "glad", ",", "so", "glad", "!")]
    assert data.train.x[0, :7].tolist() == [*first, 0]
    assert data.test.x[0, :4].tolist() == [known["glad"], known["you"], 1, 0]
    assert data.train.y.nonzero().tolist() == [[0, 17], [1, 2], [1, 3], [2, 27]]
    assert [data.classes[i] for i in data.test.y[0].nonzero()[:, 0]] == ["gratitude", "joy"]


def test_long_texts_are_cut_and_rare_words_have_no_number() -> None:
    words = " ".join(f"w{i}" for i in range(9000))
    known = text.vocabulary([words, "w7 w7"])
    assert len(known) == VOCABULARY - 2
    assert known["w7"] == 2
    assert max(known.values()) < VOCABULARY
    assert text.numbered([words], known).shape == (1, LENGTH)


def test_a_file_of_another_form_is_refused() -> None:
    for other in (b"a\tb\tc\n", b"a\t28\tc\n", b"a\t1\n", b"\xe9t\xe9\t1\tc\n"):
        with pytest.raises(
            DataError, match=r"'goemotions' is not of the official form: .*\.$"
        ) as e:
            text.load_text("goemotions", other, TEST)
        assert e.value.__suppress_context__


def test_texts_are_read_as_utf_8() -> None:
    assert text.read_tsv("Ça va, œuf 😀\t2\ta1\n".encode())[0] == ["Ça va, œuf 😀"]


@pytest.mark.skipif(
    not (Path(os.environ.get("UNLEARNLIB_DATA", "/nonexistent")) / "goemotions").is_dir(),
    reason="needs UNLEARNLIB_DATA with goemotions",
)
def test_the_official_files() -> None:
    data = load("goemotions")
    assert (len(data.train), len(data.test), len(data.classes)) == (43_410, 5_427, 28)
    assert data.train.y.sum(1).min() == 1


def test_the_core_does_not_import_transformers() -> None:
    code = "import sys, unlearnlib; sys.exit('transformers' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# --- networks ---------------------------------------------------------------------------------


def tokens(n: int, seed: int = 0) -> Tensor:
    """Texts of 3 to 12 words."""
    generator = seeded(seed)
    x = torch.randint(2, 60, (n, LENGTH), generator=generator)
    length = torch.randint(3, 13, (n, 1), generator=generator)
    return x.where(torch.arange(LENGTH) < length, 0)


@pytest.mark.parametrize("name", ["bag_of_words", "text_transformer"])
def test_what_fills_up_changes_nothing(name: str) -> None:
    torch.manual_seed(0)
    model = build(name, (LENGTH,), 28).eval()
    x = tokens(5)
    assert model(x).shape == (5, 28)
    assert_close(model(x), model(x[:, :13]))


def test_only_the_transformer_minds_the_order_of_words() -> None:
    x = tokens(1)
    swapped = x.clone()
    swapped[0, :2] = x[0, :2].flip(0)
    torch.manual_seed(0)
    bag, transformer = (
        build(name, (LENGTH,), 28).eval() for name in ("bag_of_words", "text_transformer")
    )
    assert_close(bag(x), bag(swapped))
    assert (transformer(x) - transformer(swapped)).abs().max() > 1e-4


@pytest.mark.parametrize("name", ["bag_of_words", "text_transformer"])
def test_importances_of_text_networks_are_the_slow_ones(name: str) -> None:
    torch.manual_seed(0)
    model = build(name, (LENGTH,), 28).eval()
    x, y = tokens(6), (torch.rand(6, 28) < 0.1).float()

    def loss(z: Tensor, y: Tensor) -> Tensor:
        return nn.functional.binary_cross_entropy_with_logits(z, y, reduction="none").mean(1)

    found, slow = fisher_diagonal(model, Labelled(x, y)), by_func(model, (x, y), loss, p=2)
    for key, value in slow.items():
        assert_close(found[key], value / 6, rtol=1e-3, atol=1e-9)


@transformers
@pytest.mark.parametrize("kind", ["Bert", "DistilBert"])
def test_a_classifier_on_any_encoder(kind: str, tmp_path: Path) -> None:
    import transformers  # type: ignore[import-not-found]

    small = {
        "vocab_size": 100, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 32, "max_position_embeddings": LENGTH, "pad_token_id": 0,
    }  # fmt: skip
    if kind == "DistilBert":
        small = {"vocab_size": 100, "dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 32}
    torch.manual_seed(0)
    encoder = getattr(transformers, f"{kind}Model")(getattr(transformers, f"{kind}Config")(**small))
    encoder.save_pretrained(tmp_path)
    x = tokens(4)
    for given in (encoder, str(tmp_path)):
        model = EncoderClassifier((LENGTH,), 28, encoder=given).eval()
        assert_close(model(x), model(x[:, :13]), rtol=1e-4, atol=1e-6)
        first = model.encoder(input_ids=x, attention_mask=(x != 0).long()).last_hidden_state[:, 0]
        by_hand = model.head((first @ model.pooler[0].weight.T + model.pooler[0].bias).tanh())
        assert_close(model(x), by_hand)
    assert model.encoder.pooler is None


def test_the_mean_is_over_words_only() -> None:
    h = torch.tensor([[[1.0], [3.0], [9.0]]])
    assert mean_over(h, torch.tensor([[True, True, False]])) == 2


# --- several labels ---------------------------------------------------------------------------


def test_accuracy_and_loss_with_several_labels() -> None:
    z = torch.tensor([[2.0, 0.0, 1.0], [0.0, 3.0, 0.0]])
    y = torch.tensor([[1.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    assert metrics.accuracy(z, y) == 0.5
    assert metrics.accuracy_batch_mean(z, y, 1) == 0.5
    by_hand = [math.log1p(math.exp(-v if label else v)) for v, label in
               zip(z.flatten().tolist(), y.flatten().tolist(), strict=True)]  # fmt: skip
    assert metrics.loss(z, y) == pytest.approx(sum(by_hand) / 6)


def test_a_class_is_all_examples_that_have_its_label() -> None:
    y = torch.tensor([[1.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    part = Labelled(torch.zeros(3, 4), y)
    chosen = resolve("class:joy", Dataset("t", part, part, ("grief", "joy")), torch.Generator())
    assert chosen.train.tolist() == [True, True, False]


def test_scrub_compares_with_held_out_data_of_all_labels() -> None:
    model = nn.Linear(2, 2, bias=False)
    model.weight.data = 2 * torch.eye(2)
    held_out = Labelled(torch.eye(2), torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    assert expected_error(model, held_out, held_out) == 0.5


def test_the_divergence_of_several_labels_is_that_of_each() -> None:
    z, t = torch.tensor([[0.3, -1.0]]), torch.tensor([[1.0, 0.5]])
    p, q = t.sigmoid(), z.sigmoid()
    by_hand = (p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()).sum()
    assert_close(divergence_from_teacher(z, t, several=True), by_hand)


# --- every method -----------------------------------------------------------------------------

SMALL: dict[str, dict[str, Any]] = {
    "SSD": {"alpha": 1.1}, "LFSSD": {"alpha": 1.1}, "JiT": {"noises": 2},
    "PGU": {"epochs": 2, "stop": None}, "NablaTau": {"batch_size": 16}, "SCRUB": {"lr": 0.01},
    "SCRUBRewind": {"lr": 0.01}, "SFROn": {"steps": 10},
}  # fmt: skip
CANNOT = {
    ("tokens", "JiT"): (SpecError, "real-valued"),  # noise is added to the inputs
    ("tokens", "BoundaryShrink"): (SpecError, "real-valued"),
    ("features", "BoundaryShrink"): (SpecError, "one label"),
    ("tokens", "PGU"): (SpecError, "one label"),
    ("features", "PGU"): (SpecError, "one label"),
    ("tokens", "AMUN"): (SpecError, "one label"),
    ("features", "AMUN"): (SpecError, "one label"),
    **{
        (kind, name): (RequestError, "no whole class")
        for name in ("GKT", "EMMN", "UNSIR")
        for kind in ("tokens", "features")
    },
    ("tokens", "UNSIRByLabel"): (DataError, "No example of another class"),
    ("features", "UNSIRByLabel"): (DataError, "No example of another class"),
}


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens, and features, that have to do with their labels; a cache of one's own."""
    generator = seeded(0)
    embedding = torch.randn(60, 12, generator=generator)

    def draw(kind: str, n: int, seed: int) -> Labelled:
        x = tokens(n, seed)
        features = mean_over(embedding[x], x != 0)
        y = (features @ embedding[:4].T > 0.3).float()
        return Labelled(x if kind == "tokens" else features, y)

    def fake(kind: str) -> Dataset:
        return Dataset(kind, draw(kind, 90, 1), draw(kind, 40, 2), ("a", "b", "c", "d"))

    monkeypatch.setenv("UNLEARNLIB_CACHE", str(tmp_path))
    monkeypatch.setattr(scenario, "load", fake)


def test_the_order_of_the_releases_is_by_the_first_of_several_labels(texts: None) -> None:
    task = Scenario("tokens", "bag_of_words", "class:d", Recipe(1, 0.1))
    released, n = ordered(task, "release"), len(task.splits.retain)
    firsts = [[*row, 1].index(1) % 4 for row in released.y[:n].tolist()]  # of no label: 0
    assert firsts == sorted(firsts)
    assert len(set(firsts)) > 1
    assert released.x[:n].tolist() != (kept := task.splits.retain.x.tolist())
    assert sorted(released.x[:n].tolist()) == sorted(kept)
    assert torch.equal(released.y[n:], task.splits.forget.y)


@pytest.mark.parametrize("kind", ["tokens", "features"])
@pytest.mark.parametrize("name", [name for name in METHODS if name != "Original"])
def test_every_method_runs_on_text_or_says_why_not(name: str, kind: str, texts: None) -> None:
    recipe = Recipe(3, 0.01, batch_size=16, schedule="tenth", optimiser="adamw")
    net = "bag_of_words" if kind == "tokens" else "mlp"
    task = Scenario(kind, net, "random:0.2", recipe, validation=0.2, device=torch.device("cpu"))
    method = METHODS[name](**SMALL.get(name, {}))
    if (kind, name) in CANNOT:
        error, why = CANNOT[kind, name]
        with pytest.raises(error, match=why):
            unlearn(method, task)
        return
    outcome = unlearn(method, task)
    rows = {row[:2]: row[2] for row in one_run.measure(outcome.model, task.splits)}
    assert outcome.cost["change_norm"] > 0
    assert all(math.isfinite(value) for value in rows.values())
    assert {("attack_loss", "forget"), ("attack_entropy", "forget")} <= rows.keys()
