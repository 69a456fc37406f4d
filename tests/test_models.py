"""Networks: sizes, shapes, and the originals that they must equal."""

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from unlearnlib.errors import SpecError
from unlearnlib.models import MODELS, VGG11, AirbenchMini, ViT, build

from .toys import seeded

SHAPE = (3, 32, 32)


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def images(n: int, side: int = 32, channels: int = 3) -> Tensor:
    return torch.randn(n, channels, side, side, generator=seeded(0))


@pytest.fixture(scope="module")
def vgg11() -> Iterator[nn.Module]:
    """Half a gigabyte, built once."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield VGG11(SHAPE, 10).eval()


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("vgg11", 132_963_436), ("resnet18", 11_220_132)],
)
def test_the_sizes_with_a_hundred_classes(name: str, parameters: int) -> None:
    with torch.device("meta"):
        assert count(build(name, SHAPE, 100)) == parameters


def test_the_sizes_of_the_small_ones() -> None:
    convolutions = (9 + 1) * 16 + (9 * 16 + 1) * 32 + (9 * 32 + 1) * 64
    head = (64 * 9 + 1) * 256 + 257 * 256 + 257 * 10
    assert count(build("vgg_mini", (1, 28, 28), 10)) == convolutions + head
    assert count(build("vgg_mini_bn", (1, 28, 28), 10)) == convolutions + head + 2 * (16 + 32 + 64)
    cnn = (9 + 1) * 32 + (9 * 32 + 1) * 64 + (64 * 49 + 1) * 128 + 129 * 10
    assert count(build("simple_cnn", (1, 28, 28), 10)) == cnn
    assert count(build("mlp", (2,), 3)) == 3 * 64 + 65 * 64 + 65 * 3
    block = 4 * 48 + 49 * (3 * 48 + 48) + 49 * 2 * 48 + (2 * 48 + 1) * 48
    ends = 50 * 48 + 16 * 48 + 2 * 48 + 49 * 10
    assert count(build("patch_transformer", (1, 28, 28), 10)) == 3 * block + ends


def test_the_stock_resnet_and_the_strided_net() -> None:
    with torch.device("meta"):
        stock = build("resnet18_stock", SHAPE, 10)
        strided = build("strided_cnn", SHAPE, 10)
    assert count(stock) == 11_181_642
    layers = (192 + 1) * 24 + (9 * 24 + 1) * 48 + (48 * 16 + 1) * 128 + 129 * 10
    assert count(strided) == layers + 2 * (24 + 48)


def test_the_stock_resnet_starts_as_torchvision_does() -> None:
    last = build("resnet18_stock", SHAPE, 10).get_parameter("blocks.7.residual.3.weight")
    assert last.std().item() == pytest.approx((2 / (9 * 512)) ** 0.5, rel=0.01)


def test_the_sizes_of_the_networks_of_pgu() -> None:
    with torch.device("meta"):
        assert count(build("small_vgg", SHAPE, 10)) == 5_681_674
        assert count(build("all_cnn", SHAPE, 10)) == 1_620_010
    vgg = (9 + 1) * 16 + (9 * 16 + 1) * 32 + (9 * 32 + 1) * 64 + (64 * 9 + 1) * 64 + 65 * 10
    assert count(build("small_vgg_mini", (1, 28, 28), 10)) == vgg + 2 * (16 + 32 + 64 + 64)
    cnn = 9 * (1 * 12 + 12 * 12 + 12 * 24 + 4 * 24 * 24) + 24 * 24 + 25 * 10
    assert count(build("all_cnn_mini", (1, 28, 28), 10)) == cnn + 2 * (2 * 12 + 6 * 24)


def test_the_sizes_of_the_small_airbench() -> None:
    with torch.device("meta"):
        wide = AirbenchMini(SHAPE, 100, widths=(16, 64, 192))
        plain = build("airbench_mini_plain", SHAPE, 10)
        assert count(build("airbench_mini", SHAPE, 10)) == 146_754
    stages = 9 * (24 * 16 + 16 * 16 + 16 * 64 + 64 * 64 + 64 * 192 + 192 * 192)
    ends = (3 * 4 + 1) * 24 + 193 * 100
    assert count(wide) == stages + ends + 2 * 2 * (16 + 64 + 192)
    stages = 9 * (24 * 32 + 32 * 32 + 32 * 64 + 3 * 64 * 64)
    assert count(plain) == stages + (3 * 4 + 1) * 24 + 65 * 10 + 2 * (32 + 64 + 64)


def test_the_small_airbench_pools_before_it_normalises() -> None:
    """Seven convolutions; the sides go 32, 31, 15, 7, 3; the maximum is taken over 3 x 3."""
    model = build("airbench_mini", SHAPE, 10)
    features: Any = model.features
    stage = [nn.Conv2d, nn.MaxPool2d, nn.BatchNorm2d, nn.GELU, nn.Conv2d, nn.BatchNorm2d, nn.GELU]
    assert [type(layer) for layer in features] == [nn.Conv2d, nn.GELU] + 3 * stage
    maps = features(images(2))
    assert maps.shape == (2, 64, 3, 3)
    assert_close(model(images(2)), model.get_submodule("head")(maps.flatten(2).max(2).values))


def test_the_plain_airbench_starts_with_outputs_that_neither_vanish_nor_explode() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build("airbench_mini_plain", SHAPE, 10)
    features: Any = model.features
    assert 0.3 < features(images(64)).std() < 3
    assert not [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]


def test_the_layers_of_the_networks_of_pgu() -> None:
    """Names and inputs of the layers as the notes have them."""
    with torch.device("meta"):
        networks = {name: build(name, SHAPE, 10) for name in ("small_vgg", "all_cnn")}
    sizes = {
        name: {
            layer: module.weight[0].numel()
            for layer, module in model.named_modules()
            if isinstance(module, nn.Linear | nn.Conv2d)
        }
        for name, model in networks.items()
    }
    assert sizes["small_vgg"] == {
        "features.0": 27, "features.4": 1152, "features.8": 2304, "classifier.1": 8192,
        "classifier.4": 512,
    }  # fmt: skip
    assert list(sizes["all_cnn"].values()) == [27, 864, 864, 1728, 1728, 1728, 1728, 192, 192]
    kinds = [type(m) for m in networks["small_vgg"].features]  # type: ignore[union-attr]
    usual = [nn.Conv2d, nn.ReLU, nn.MaxPool2d, nn.BatchNorm2d]
    assert kinds == usual + usual + [nn.Conv2d, nn.ReLU, nn.BatchNorm2d, nn.MaxPool2d]


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("vgg_mini", (1, 28, 28)), ("vgg_mini", SHAPE), ("vgg_mini", (1, 8, 8)),
        ("vgg_mini_no_dropout", SHAPE),
        ("vgg_mini_bn", SHAPE), ("vgg_mini_bn", (1, 28, 28)),
        ("simple_cnn", (1, 28, 28)), ("simple_cnn", SHAPE),
        ("small_vgg", SHAPE), ("small_vgg_mini", (1, 28, 28)), ("small_vgg_mini", SHAPE),
        ("all_cnn", (1, 16, 16)), ("all_cnn_mini", (1, 28, 28)), ("all_cnn_mini", SHAPE),
        ("mlp", (2,)), ("mlp", (1, 28, 28)),
        ("resnet18", SHAPE), ("resnet18", (1, 28, 28)), ("resnet18_mini", (1, 28, 28)),
        ("patch_transformer", SHAPE), ("patch_transformer", (1, 28, 28)),
        ("resnet18_stock", SHAPE),
        ("airbench_mini", SHAPE), ("airbench_mini", (1, 9, 9)), ("airbench_mini_plain", SHAPE),
        ("airbench_mini_plain", (1, 28, 28)),
        ("strided_cnn", SHAPE), ("strided_cnn", (1, 28, 28)), ("mlp_512", (384,)),
    ],
)  # fmt: skip
def test_logits_of_any_shape(name: str, shape: tuple[int, ...]) -> None:
    model = build(name, shape, 7)
    x = torch.randn(5, *shape)
    z = model(x)
    assert z.shape == (5, 7)
    assert z.isfinite().all()
    z.sum().backward()
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize(
    "name",
    [
        "vgg_mini", "vgg_mini_bn", "simple_cnn", "mlp", "resnet18", "small_vgg_mini",
        "all_cnn_mini", "resnet18_mini", "patch_transformer", "airbench_mini",
        "airbench_mini_plain",
    ],
)  # fmt: skip
def test_in_eval_mode_examples_do_not_meet(name: str) -> None:
    model = build(name, (1, 16, 16), 4).double().eval()
    x = images(4, 16, 1).double()
    with torch.no_grad():
        assert_close(model(x), torch.cat([model(one) for one in x.split(1)]))


def test_batchnorm_only_where_it_is_asked_for() -> None:
    for name, number in (("vgg_mini", 0), ("vgg_mini_bn", 3), ("simple_cnn", 0)):
        layers = build(name, SHAPE, 10).modules()
        assert sum(isinstance(layer, nn.BatchNorm2d) for layer in layers) == number
    assert not [m for m in build("simple_cnn", SHAPE, 10).modules() if isinstance(m, nn.Dropout)]


def test_without_dropout_training_mode_changes_nothing() -> None:
    x = images(3)
    for name, same in (("vgg_mini_no_dropout", True), ("vgg_mini", False)):
        model = build(name, SHAPE, 10).train()
        assert torch.equal(model(x), model.eval()(x)) == same


def test_pooling_before_the_activation_is_the_same() -> None:
    """The published order: convolution, ReLU, pooling."""
    model = build("vgg_mini", SHAPE, 10).eval()
    layers = list(model.features)  # type: ignore[arg-type]
    published = nn.Sequential(*[layers[i] for i in (0, 2, 1, 3, 5, 4, 6, 8, 7)])
    assert [type(m) for m in published] == [nn.Conv2d, nn.ReLU, nn.MaxPool2d] * 3
    x = images(3)
    assert torch.equal(published(x), model.features(x))  # type: ignore[operator]


def test_images_are_channels_last() -> None:
    for name in ("vgg_mini", "resnet18", "simple_cnn"):
        for p in build(name, SHAPE, 10).parameters():
            assert p.dim() != 4 or p.is_contiguous(memory_format=torch.channels_last)


def test_unknown_models_list_the_known() -> None:
    with pytest.raises(SpecError, match=r"no model 'vgg16'.*vgg_mini, .*resnet18, .*vgg11"):
        build("vgg16", SHAPE, 10)


def test_vgg11_equals_that_of_torchvision(vgg11: nn.Module, torchvision: ModuleType) -> None:
    """torchvision's `vgg11` with the same parameters, in order, then a linear layer."""
    with torch.device("meta"):
        reference = torchvision.models.vgg11(weights=None).eval()
    *body, weight, bias = vgg11.state_dict().values()
    state = dict(zip(reference.state_dict(), body, strict=True))
    reference.load_state_dict(state, strict=True, assign=True)
    x = images(2)
    with torch.no_grad():
        expected = nn.functional.linear(reference(x), weight, bias)
        assert expected.shape == (2, 10)
        assert_close(vgg11(x), expected, rtol=1e-4, atol=1e-7)
    dropouts = [
        [layer.p for layer in net.modules() if isinstance(layer, nn.Dropout)]
        for net in (vgg11, reference)
    ]
    assert dropouts[0] == dropouts[1] == [0.5, 0.5]


def test_vgg11_starts_as_torchvision_does(vgg11: nn.Module) -> None:
    """Normal: sqrt(2 / fan_out) for convolutions, 0.01 for the linear layers; no bias."""
    layers = dict(vgg11.named_modules())
    last = layers["features.18"]
    assert isinstance(last, nn.Conv2d)
    assert last.weight.std().item() == pytest.approx((2 / (9 * 512)) ** 0.5, rel=0.01)
    for name in ("classifier.3", "classifier.6"):
        assert layers[name].weight.std().item() == pytest.approx(0.01, rel=0.01)
        assert not layers[name].bias.any()


@pytest.mark.parametrize("name", ["resnet18", "resnet18_stock"])
def test_resnet18_equals_that_of_torchvision(name: str, torchvision: ModuleType) -> None:
    """With its stem, or with a 3x3 stem and no pooling."""
    ours = build(name, SHAPE, 10).double()
    reference = torchvision.models.resnet18(weights=None, num_classes=10)
    if name == "resnet18":
        reference.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        reference.maxpool = nn.Identity()
    reference = reference.double()
    theirs, mine = reference.state_dict(), ours.state_dict()
    assert [v.shape for v in theirs.values()] == [v.shape for v in mine.values()]
    reference.load_state_dict(dict(zip(theirs, mine.values(), strict=True)))
    x = images(3).double()
    for mode in (True, False):
        assert_close(ours.train(mode)(x), reference.train(mode)(x))


class TestViT:
    @pytest.fixture(autouse=True)
    def timm(self, torchvision: ModuleType) -> ModuleType:
        return pytest.importorskip("timm", reason="timm is an optional extra")

    def test_a_tiny_one_from_scratch(self) -> None:
        model = build("vit_tiny", SHAPE, 10)
        assert isinstance(model, ViT)
        z = model(images(2))
        assert z.shape == (2, 10)
        z.sum().backward()
        transformer: Any = model.transformer
        assert len(transformer.blocks) == 6
        assert transformer.patch_embed.num_patches == 64
        for parameter in model.parameters():
            assert parameter.grad is not None

    def test_images_are_resized_to_its_side(self) -> None:
        model = ViT(
            (1, 28, 28), 4, name="vit_tiny_patch16_224", pretrained=False, img_size=32,
            patch_size=16, depth=1, embed_dim=12, num_heads=3,
        ).eval()  # fmt: skip
        x = images(2, 28, 1)
        larger = nn.functional.interpolate(x, size=32, mode="bilinear", antialias=True)
        assert_close(model(x), model.transformer(larger))
        assert_close(model(larger), model.transformer(larger))


def test_a_vit_without_timm_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ImportError, match=r"pip install 'unlearnlib\[vit\]'"):
        MODELS["vit_tiny"](SHAPE, 10)
