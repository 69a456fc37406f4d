"""The gradient space against its definition, one patch at a time; projections against theirs."""

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from unlearnlib import GradientSpace, Inputs
from unlearnlib.errors import SpecError, StaleStatisticError, UnsupportedModelError
from unlearnlib.methods.parts.projection import Projection, Spectrum, TrustRegion, projections
from unlearnlib.models import build

from .toys import seeded


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=seeded(seed)).double()


def patch_by_patch(layer: nn.Conv2d, x: Tensor, stride: tuple[int, ...]) -> Tensor:
    """The moment as a loop over images, groups and positions; x is padded already."""
    (kh, kw), (dh, dw) = layer.kernel_size, layer.dilation
    channels = x.shape[1] // layer.groups
    d = channels * kh * kw
    total = torch.zeros(layer.groups, d, d, dtype=x.dtype)
    rows = range(0, x.shape[2] - dh * (kh - 1), stride[0])
    columns = range(0, x.shape[3] - dw * (kw - 1), stride[1])
    for image, g, r, c in product(x, range(layer.groups), rows, columns):
        own = image[g * channels : (g + 1) * channels]
        v = own[:, r : r + dh * (kh - 1) + 1 : dh, c : c + dw * (kw - 1) + 1 : dw].flatten()
        total[g] += torch.outer(v, v)
    return total


CONVOLUTIONS: list[dict[str, Any]] = [
    {"kernel_size": 3, "padding": 1},
    {"kernel_size": 3, "padding": 1, "stride": 2},
    {"kernel_size": 1},
    {"kernel_size": 1, "stride": 2},
    {"kernel_size": 5},
    {"kernel_size": (3, 2), "padding": (0, 2), "stride": (2, 1), "dilation": (1, 2)},
    {"kernel_size": (1, 4), "stride": (1, 3), "groups": 4},
    {"kernel_size": 3, "padding": 1, "groups": 2},
    {"kernel_size": 3, "padding": "same", "dilation": 2},
    {"kernel_size": (3, 7), "padding": (1, 3)},
    {"kernel_size": 3, "padding": 1, "padding_mode": "reflect"},
]


@pytest.mark.parametrize("stride_one", [False, True])
@pytest.mark.parametrize("options", CONVOLUTIONS, ids=str)
def test_moments_equal_a_loop_over_patches(options: dict[str, Any], stride_one: bool) -> None:
    layer, x = nn.Conv2d(4, 8, **options).double(), draw(3, 4, 7, 6)
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    padded = nn.functional.pad(x, layer._reversed_padding_repeated_twice, mode)
    expected = patch_by_patch(layer, padded, (1, 1) if stride_one else layer.stride)
    for chunk in (1, 2, 9):
        space = GradientSpace.of(
            nn.Sequential(layer), Inputs(x), stride_one=stride_one, chunk=chunk
        )
        assert_close(space.moments["0"], expected)


@pytest.mark.parametrize("options", CONVOLUTIONS, ids=str)
def test_the_order_is_that_of_the_flattened_weight(options: dict[str, Any]) -> None:
    """The energy of a layer's output without bias is the trace of W M W'."""
    layer, x = nn.Conv2d(4, 8, bias=False, **options).double(), draw(3, 4, 7, 6)
    M = GradientSpace.of(nn.Sequential(layer), Inputs(x)).moments["0"]
    W = layer.weight.reshape(layer.groups, -1, M.shape[-1])
    energy = (W @ M @ W.mT).diagonal(dim1=1, dim2=2).sum()
    assert_close(energy, layer(x).square().sum())


def test_linear_layers_sum_over_everything_but_the_last_dimension() -> None:
    layer, x = nn.Linear(5, 2).double(), draw(4, 3, 5)
    expected = sum(torch.outer(v, v) for v in x.flatten(0, 1))
    M = GradientSpace.of(nn.Sequential(layer), Inputs(x), chunk=3).moments["0"]
    assert_close(M, expected[None])  # type: ignore[index]


@pytest.mark.parametrize("name", ["small_vgg_mini", "all_cnn_mini", "resnet18", "mlp"])
def test_any_model_and_the_model_stays(name: str) -> None:
    model = build(name, (1, 8, 8), 3)
    if name == "resnet18":  # the last two stages are large and nothing new
        model.blocks, model.head = model.blocks[:3], nn.Linear(128, 3)  # type: ignore[index]
    model = model.double().train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    space = GradientSpace.of(model, Inputs(draw(5, 1, 8, 8)))
    assert model.training
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert not any(m._forward_pre_hooks for m in model.modules())
    layers = {n: m for n, m in model.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)}
    assert space.moments.keys() == layers.keys()
    for layer, M in space.moments.items():
        d = layers[layer].weight[0].numel()
        assert M.shape == (1, d, d)
        assert M.dtype == torch.float64
        assert torch.linalg.eigvalsh(M).min() > -1e-12 * M.norm()


def test_single_precision_is_summed_in_double() -> None:
    model, x = build("all_cnn_mini", (1, 12, 12), 3), draw(40, 1, 12, 12)
    exact = GradientSpace.of(model.double().eval(), Inputs(x)).moments
    space = GradientSpace.of(model.float(), Inputs(x.float()), chunk=7)
    for name, M in space.moments.items():
        assert M.dtype == torch.float64
        assert (M - exact[name]).norm() < 1e-6 * exact[name].norm()


def test_a_layer_called_twice_has_the_inputs_of_both_calls() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.idle = nn.Linear(3, 3), nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(self.layer(x))

    model, x = Twice().double(), draw(4, 3)
    moments = GradientSpace.of(model, Inputs(x)).moments
    inner = model.layer(x)
    assert moments.keys() == {"layer"}
    assert_close(moments["layer"][0], (x.T @ x + inner.T @ inner).detach())


def test_a_model_without_layers_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match=r"Flatten calls no Linear.*Use a model"):
        GradientSpace.of(nn.Flatten(), Inputs(draw(2, 3)))


@pytest.mark.parametrize("stride_one", [False, True])
def test_subtraction_equals_the_direct_moments(stride_one: bool) -> None:
    model = build("all_cnn_mini", (1, 8, 8), 3).double().eval()
    x = draw(12, 1, 8, 8)
    whole = GradientSpace.of(model, Inputs(x), stride_one=stride_one)
    left = whole.without(model, Inputs(x[:5]))
    direct = GradientSpace.of(model, Inputs(x[5:]), stride_one=stride_one)
    assert left.fingerprint == direct.fingerprint
    assert left.stride_one == stride_one
    for name, M in direct.moments.items():
        assert_close(left.moments[name], M)


def test_stale_moments_are_refused_and_can_be_carried() -> None:
    model, x = build("small_vgg_mini", (1, 8, 8), 3).eval(), draw(4, 1, 8, 8).float()
    space = GradientSpace.of(model, Inputs(x))
    model.features[3].running_mean[0] += 1  # type: ignore[index, union-attr]
    with pytest.raises(StaleStatisticError, match=r"other parameters.*carried_to"):
        space.without(model, Inputs(x))
    assert space.carried_to(model).without(model, Inputs(x)).stride_one is False


def spectrum_of(values: list[float]) -> Spectrum:
    d = len(values)
    V = torch.linalg.qr(draw(d, d))[0]
    return Spectrum.of((V * torch.tensor(values).double() @ V.T)[None])


def test_the_spectrum_is_that_of_the_moment() -> None:
    A = draw(2, 9, 5)
    M = A.mT @ A
    s = Spectrum.of(M)
    assert_close(s.vectors * s.values[:, None] @ s.vectors.mT, M)
    assert (s.values.diff() <= 0).all()
    assert s.clamped < 1e-15


def test_negative_eigenvalues_are_clamped_and_reported() -> None:
    s = spectrum_of([6.0, 3.0, -1.0])
    assert_close(s.values[0], torch.tensor([6.0, 3.0, 0.0]).double())
    assert s.clamped == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("gamma", "energy", "singular"),
    [(0.0, 0, 0), (0.1, 1, 0), (0.5, 1, 0), (0.76, 2, 1), (0.9, 2, 2), (0.99, 3, 3), (1.0, 4, 4)],
)
def test_ranks_by_hand(gamma: float, energy: int, singular: int) -> None:
    """Energies 25, 6.25, 1.5625, 0.25: shares .756, .945, .992, 1; roots 5, 2.5, 1.25, .5:
    .541, .811, .946, 1.
    """
    s = spectrum_of([25.0, 6.25, 1.5625, 0.25])
    assert s.ranks(gamma, "energy").tolist() == [energy]
    assert s.ranks(gamma, "singular").tolist() == [singular]


def test_the_two_rules_differ_as_the_notes_say() -> None:
    """Singular values 1/i, d = 2304, share 0.95: 1519 directions unsquared, 12 by energy (their 11
    leave out the one that reaches the share).
    """
    i = torch.arange(1, 2305).double()
    s = Spectrum(torch.eye(1), (1 / i**2)[None], 0.0)
    assert s.ranks(0.95, "singular").tolist() == [1519]
    assert s.ranks(0.95, "energy").tolist() == [12]


@pytest.mark.parametrize("ranks", [[0, 0], [1, 4], [5, 2], [6, 6], [3, 3]])
def test_projections_equal_their_matrix(ranks: list[int]) -> None:
    A = draw(2, 9, 6)
    s = Spectrum.of(A.mT @ A)
    G = draw(8, 2, 3, seed=1)  # two groups of four outputs, six inputs each
    expected = []
    for g, k in enumerate(ranks):
        B = s.vectors[g, :, :k]
        expected.append(G.view(2, 4, 6)[g] @ (torch.eye(6).double() - B @ B.T))
    P = s.projection(torch.tensor(ranks))
    assert_close(P(G), torch.stack(expected).view(8, 2, 3))
    assert P.basis.shape[-1] <= 6
    if ranks == [0, 0]:
        assert torch.equal(P(G), G)
    if ranks == [6, 6]:
        assert not P(G).any()


def test_a_projection_uses_the_smaller_of_the_two_bases() -> None:
    s = spectrum_of([5.0, 4.0, 3.0, 2.0, 1.0])
    for k, width in ((0, 0), (1, 1), (2, 2), (3, 2), (4, 1), (5, 0)):
        assert s.projection(torch.tensor([k])).basis.shape == (1, 5, width)


def test_the_trust_region_equals_training_its_scale() -> None:
    """W - W C C' + W C Q C' with Q trained beside W, at a tenth of its rate."""
    x, target = draw(20, 6), draw(20, 4, seed=1)
    s = Spectrum.of((x.T @ x)[None])
    k, m, lr = 5, 3, 0.01
    B, C = s.vectors[0, :, :k], s.vectors[0, :, k - m : k]
    start = draw(4, 6, seed=2)
    W, Q = start.clone().requires_grad_(), torch.eye(m).double().requires_grad_()
    trust = TrustRegion.of(s.projection(torch.tensor([k])), s, k, m, start)
    ours = start.clone().requires_grad_()
    for _ in range(4):
        effective = W - W @ C @ C.T + W @ C @ Q @ C.T
        assert_close(ours, effective)
        gW, gQ = torch.autograd.grad((x @ effective.T - target).pow(4).mean(), [W, Q])
        (G,) = torch.autograd.grad((x @ ours.T - target).pow(4).mean(), [ours])
        with torch.no_grad():
            W -= lr * (gW - gW @ B @ B.T)
            Q -= lr / 10 * gQ
            ours -= lr * trust(G)
    assert (Q - torch.eye(m)).abs().max() > 1e-4


def test_layers_are_chosen_by_name() -> None:
    model = build("small_vgg_mini", (1, 8, 8), 3).eval()
    model.features[4].weight.requires_grad_(False)  # type: ignore[index, union-attr]
    space = GradientSpace.of(model, Inputs(draw(40, 1, 8, 8).float()))
    names = {p: name for name, p in model.named_parameters()}
    found = projections(model, space, 0.9, "energy", trust=2)
    chosen = [names[W] for W in found]  # type: ignore[index]
    assert chosen == [f"{n}.weight" for n in ("features.0", "features.8")] + [
        "classifier.1.weight", "classifier.4.weight",
    ]  # fmt: skip
    assert [type(step) for step in found.values()] == [Projection] * 3 + [TrustRegion]
    (only,) = projections(model, space, 0.9, "energy", ["classifier.1"])
    assert names[only] == "classifier.1.weight"  # type: ignore[index]
    with pytest.raises(SpecError, match=r"No weight of the chosen layers needs a gradient"):
        projections(model, space, 0.9, "energy", ["features.4"])
    with pytest.raises(SpecError, match=r"no gradient space of features.3: only.*features.0"):
        projections(model, space, 0.9, "energy", ["features.3"])


def test_other_views_are_noticed() -> None:
    model, x = nn.Sequential(nn.Linear(6, 3)).double(), draw(10, 6)
    space = GradientSpace.of(model, Inputs(x)).without(model, Inputs(3 * x[:4]))
    with pytest.warns(UserWarning, match=r"% of the moments at '0' are negative.*other views"):
        projections(model, space, 0.9, "energy")


@pytest.mark.parametrize(
    "options",
    [{"kernel_size": 3}, {"kernel_size": (1, 5), "dilation": (1, 2)}, {"kernel_size": 4}],
    ids=str,
)
@pytest.mark.parametrize("factors", [(1e4, 1, 1), (1e4, 30, 1), (1, 1e4, 1), (1, 1, 1e4)], ids=str)
def test_a_bright_border_does_not_drown_the_rest(
    options: dict[str, Any], factors: tuple[float, ...]
) -> None:
    """A window that slides off it must not keep the rounding errors of what left it."""
    layer, x = nn.Conv2d(1, 2, **options), draw(4, 1, 8, 14).float()
    x[..., :3] *= torch.tensor(factors)
    M = GradientSpace.of(nn.Sequential(layer), Inputs(x)).moments["0"][0]
    exact = patch_by_patch(layer, x.double(), (1, 1))[0]
    size = exact.diagonal().sqrt()
    assert ((M - exact).abs() <= 1e-4 * size[:, None] * size).all()
