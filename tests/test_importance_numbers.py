"""Sums in enough precision, numbers that are not finite, and arguments that make no sense."""

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from unlearnlib import (
    ASSD,
    LFSSD,
    SSD,
    Importance,
    Inputs,
    Labelled,
    Statistic,
    fisher_diagonal,
    gauss_newton_diagonal,
    output_sensitivity,
)
from unlearnlib.errors import NonFiniteError, SpecError
from unlearnlib.models import MLP, build
from unlearnlib.stored.layer_rules import RULES
from unlearnlib.stored.per_example import by_func

from .toys import seeded


def network(dtype: torch.dtype = torch.float32) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return MLP((6,), 3, width=5).to(dtype).eval()


def examples(n: int = 9) -> Labelled:
    generator = seeded(1)
    return Labelled(torch.randn(n, 6, generator=generator), torch.arange(n) % 3)


def as_type(data: Labelled, dtype: torch.dtype) -> Labelled:
    return Labelled(data.x.to(dtype), data.y)


def total(found: Importance) -> dict[str, float]:
    return {name: float(value.double().sum()) for name, value in found.values.items()}


@pytest.mark.parametrize("group", [1, 64])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_summed_in_single(dtype: torch.dtype, group: int) -> None:
    """In the type of the model, a sum of many stops growing: at half of it for 50,000."""
    model, n = network(dtype), 50_000 if group == 1 else 2_000
    single, data = deepcopy(model).float(), as_type(examples(n), dtype)
    wide = as_type(data, torch.float32)
    for found, exact in (
        (fisher_diagonal(model, data, group=group), fisher_diagonal(single, wide, group=group)),
        (
            output_sensitivity(model, data.inputs, group=group),
            output_sensitivity(single, wide.inputs, group=group),
        ),
    ):
        assert {value.dtype for value in found.values.values()} == {torch.float32}
        for name, value in total(exact).items():
            assert total(found)[name] == pytest.approx(value, rel=0.01), name


@pytest.mark.parametrize("group", [1, 4])
def test_squares_have_room(group: int) -> None:
    """Half precision ends at 65,504: the square of a gradient of 300 is beyond."""
    model = nn.Linear(1, 2).half()
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    data = Labelled(torch.full((8, 1), 600.0).half(), torch.zeros(8, dtype=torch.long))
    model.bias.requires_grad_(False)
    for make in (lambda: model, lambda: Hooked(model)):
        found = fisher_diagonal(make(), data, group=group).values.popitem()[1]
        assert_close(found, torch.full((2, 1), 90_000.0))


class Hooked(nn.Module):
    """The same, out of the reach of rules."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = deepcopy(layer)
        self.layer.register_forward_hook(lambda m, x, y: y + 0)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


@pytest.mark.parametrize("name", ["resnet18_mini", "small_vgg_mini", "patch_transformer"])
def test_every_rule_works_in_half_precision(name: str) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build(name, (1, 8, 8), 3).eval().bfloat16()
    x = torch.randn(8, 1, 8, 8, generator=seeded(0)).bfloat16()
    data = Labelled(x, torch.arange(8) % 3)
    found = fisher_diagonal(model, data)
    exact = fisher_diagonal(deepcopy(model).float(), as_type(data, torch.float32))
    for key, value in total(exact).items():
        assert total(found)[key] == pytest.approx(value, rel=0.2), key


def test_embeddings_and_normalisations_in_half_precision() -> None:
    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.norm = nn.Embedding(5, 6), nn.LayerNorm(6)
            self.also, self.head = nn.GroupNorm(2, 6), nn.Linear(6, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.also(self.norm(self.table(x)).mean(1)).tanh())

    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Words().bfloat16()
    x = torch.randint(5, (500, 4), generator=seeded(0))
    data = Labelled(x, torch.arange(500) % 3)
    found, exact = (total(fisher_diagonal(m, data)) for m in (model, deepcopy(model).float()))
    for key, value in exact.items():
        assert found[key] == pytest.approx(value, rel=0.1), key
    slow = by_func(model, (data.x, data.y), lambda z, y: z[:, 0] + 0 * y, p=2)
    assert {value.dtype for value in slow.values()} == {torch.float32}


def test_single_precision_is_summed_in_double() -> None:
    """A first large example would swallow many small ones."""
    model = nn.Linear(1, 2, bias=False)
    nn.init.zeros_(model.weight)
    x = torch.full((1_001, 1), 0.5)
    x[0] = 2048.0
    found = fisher_diagonal(model, Labelled(x, torch.zeros(len(x), dtype=torch.long)), chunk=1)
    expected = (0.25 * x.double().square()).mean()
    assert found["weight"].dtype == torch.float32
    assert_close(found["weight"].double(), expected.expand(2, 1), rtol=1e-7, atol=0)


def test_methods_take_importances_of_half_precision() -> None:
    model, data = network(torch.bfloat16), as_type(examples(60), torch.bfloat16)
    forget = data[torch.arange(60) < 6]
    fisher, felt = fisher_diagonal(model, data), output_sensitivity(model, data.inputs)
    for result in (
        SSD(alpha=1.0)(model, forget=forget, fisher=fisher),
        ASSD(retained=True)(model, forget=forget, fisher=fisher),
        LFSSD(alpha=1.0)(model, forget_inputs=forget.inputs, sensitivity=felt),
    ):
        pairs = [*zip(result.parameters(), model.parameters(), strict=True)]
        assert all(q.dtype == torch.bfloat16 for q, _ in pairs)
        kept = sum(int((q == theta).sum()) for q, theta in pairs)
        assert 0 < kept < sum(q.numel() for q, _ in pairs)


class TestNotFinite:
    @pytest.mark.parametrize("group", [1, 4])
    @pytest.mark.parametrize("bad", [float("nan"), float("inf")])
    def test_the_example_is_named(self, bad: float, group: int) -> None:
        data = examples(100)
        inputs = data.inputs
        data.x[73, 2] = bad
        words = r"of 'layers.0.weight' holds .*the first loss .* is that of example 73\."
        for compute in (
            lambda: fisher_diagonal(network(), data, group=group),
            lambda: output_sensitivity(network(), inputs, group=group),
            lambda: gauss_newton_diagonal(network(), inputs),
        ):
            with pytest.raises(NonFiniteError, match=words):
                compute()

    def test_a_parameter_or_an_overflow(self) -> None:
        model = network()
        with torch.no_grad():
            next(model.parameters())[0, 0] = float("nan")
        with pytest.raises(NonFiniteError, match="example 0"):
            fisher_diagonal(model, examples())
        flat = nn.Linear(6, 3)
        nn.init.zeros_(flat.weight)
        large = Labelled(1e20 * examples().x, examples().y)
        with pytest.raises(NonFiniteError, match="every loss is finite, so a gradient"):
            fisher_diagonal(flat, large)

    def test_methods_do_not_return_the_model_unchanged(self) -> None:
        model, data = network(), examples()
        fisher, felt = fisher_diagonal(model, data), output_sensitivity(model, data.inputs)
        data.x[1, 1] = float("nan")
        with pytest.raises(NonFiniteError):
            SSD()(model, forget=data, fisher=fisher)
        with pytest.raises(NonFiniteError):
            LFSSD()(model, forget_inputs=data.inputs, sensitivity=felt)


BAD: list[dict[str, Any]] = [
    {"chunk": 0}, {"chunk": -1}, {"chunk": 2.0}, {"chunk": True}, {"chunk": "8"}, {"chunk": None},
    {"group": 0}, {"group": -64}, {"group": 1.5}, {"group": True}, {"group": "64"}, {"group": None},
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_sizes_are_whole_numbers_of_one_or_more(bad: dict[str, Any]) -> None:
    words = f"^(Statistic.)?{next(iter(bad))} must be (a whole number|at least 1).*not .*$"
    pairs: Any = ((fisher_diagonal, examples()), (output_sensitivity, examples().inputs))
    for compute, data in pairs:
        with pytest.raises(SpecError, match=words):
            compute(network(), data, **bad)
    if "chunk" in bad:
        with pytest.raises(SpecError, match=words):
            gauss_newton_diagonal(network(), examples().inputs, **bad)


def test_unknown_words_are_refused() -> None:
    with pytest.raises(SpecError, match=r"norm cannot be the text 'l2 '. Did you mean l2\?"):
        output_sensitivity(network(), examples().inputs, norm="l2 ")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="order cannot be the text 'released'"):
        fisher_diagonal(network(), examples(), order="released")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="kind cannot be"):
        Statistic("Fisher")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.BatchNorm1d(4, eps=0.3), (4,)),
        (nn.BatchNorm2d(2, eps=0.3), (2, 2, 1)),
        (nn.GroupNorm(2, 4, eps=0.3), (4,)),
        (nn.LayerNorm(4, eps=0.3), (4,)),
    ],
)
def test_rules_of_normalisations_add_their_epsilon(
    layer: nn.Module, shape: tuple[int, ...]
) -> None:
    """One example, one position: the gradient of the scale is the normalised input."""
    assert type(layer) in RULES
    layer = layer.double().eval()
    x = torch.randn(1, *shape, generator=seeded(0)).double()
    x_hat = layer(x).flatten(2) if len(shape) > 1 else layer(x)[..., None]
    model = nn.Sequential(layer, nn.Flatten())
    found = output_sensitivity(model, Inputs(x), norm="l1")
    assert_close(found["0.weight"], x_hat.abs().sum(2)[0].detach(), rtol=1e-12, atol=0)
