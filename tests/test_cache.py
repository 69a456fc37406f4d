"""The cache: bit for bit, safe to interrupt, safe to corrupt."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from unlearnlib import deadline
from unlearnlib.cache import FORMAT, atomic, cached, digest, locked, place_of
from unlearnlib.errors import PausedError
from unlearnlib.locations import cache_folder

CPU = torch.device("cpu")
pytestmark = pytest.mark.usefixtures("lab")


class Maker:
    """Makes a model and counts how often it was asked to."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> tuple[nn.Module, dict[str, float]]:
        self.calls += 1
        model = empty()
        model(torch.randn(9, 3))  # moves the statistics
        return model.eval(), {"seconds": 0.1 + 0.2}


def empty() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def ask(make: Maker, identity: Any = None) -> tuple[nn.Module, dict[str, float]]:
    return cached({"name": "a"} if identity is None else identity, empty, make, CPU)


def files(lab: Path) -> list[Path]:
    return sorted((lab / "cache" / "models").iterdir())


def test_the_second_load_equals_the_first() -> None:
    make = Maker()
    (one, cost), (two, same) = ask(make), ask(make)
    assert make.calls == 1
    assert cost == same == {"seconds": 0.1 + 0.2}
    assert not two.training
    for (name, p), q in zip(one.state_dict().items(), two.state_dict().values(), strict=True):
        assert torch.equal(p, q), name
        assert p.dtype == q.dtype


@pytest.mark.parametrize("identity", [{"name": "b"}, {"name": "a", "seed": 0}, {}])
def test_another_identity_is_another_file(lab: Path, identity: dict[str, Any]) -> None:
    make = Maker()
    ask(make)
    ask(make, identity)
    assert make.calls == len(files(lab)) == 2


def test_the_format_is_part_of_the_name(lab: Path) -> None:
    ask(Maker())
    assert files(lab)[0].name == f"{digest({'format': FORMAT, 'name': 'a'})}.pt"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
        lambda path: path.write_bytes(b"not a model"),
        lambda path: torch.save({"cost": {}}, path),
        lambda path: torch.save({"state": nn.Linear(3, 4).state_dict(), "cost": {}}, path),
    ],
    ids=["empty", "truncated", "text", "without a state", "of another network"],
)
def test_a_corrupt_file_is_made_again_with_a_warning(lab: Path, spoil: Any) -> None:
    make = Maker()
    ask(make)
    (path,) = files(lab)
    spoil(path)
    with pytest.warns(UserWarning, match=rf"(?s){path.name} cannot be used .*computed anew"):
        ask(make)
    assert make.calls == 2
    ask(make)
    assert make.calls == 2
    assert files(lab) == [path]


class Payload:
    """Would run code when it is unpickled."""

    def __reduce__(self) -> Any:
        return (pytest.fail, ("the file ran its code",))


def test_files_run_no_code(lab: Path) -> None:
    make = Maker()
    ask(make)
    (path,) = files(lab)
    torch.save({"state": Payload(), "cost": {}}, path)
    with pytest.warns(UserWarning, match="computed anew"):
        ask(make)


def test_what_fails_to_be_made_leaves_nothing(lab: Path) -> None:
    def fail() -> tuple[nn.Module, dict[str, float]]:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        cached({}, empty, fail, CPU)
    assert not (lab / "cache" / "models").exists()


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    with atomic(path) as temporary:
        temporary.write_text("old")
        assert not path.exists()
    assert path.read_text() == "old"
    with pytest.raises(AttributeError), atomic(path) as temporary:
        temporary.write_text("ne").fail_half_way()  # type: ignore[attr-defined]
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_reader_of_the_old_file_is_not_disturbed(tmp_path: Path) -> None:
    """The name moves to a new file at once; nothing is written over."""
    path, reader = tmp_path / "file.txt", tmp_path / "reader"
    path.write_text("old")
    reader.hardlink_to(path)
    with atomic(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert reader.read_text() == "old"


def test_a_digest_is_of_the_content() -> None:
    assert digest({"a": {"x": 1, "y": 2}}) == digest({"a": {"y": 2, "x": 1}})
    different = [{}, {"a": 1}, {"a": 1.5}, {"a": "1"}, {"a": [1]}, {"b": 1}, {"a": None}]
    assert len({digest(identity) for identity in different}) == len(different)
    with pytest.raises(TypeError):
        digest({"a": torch.ones(1)})


def test_a_wait_ends_with_the_time() -> None:
    """Another process makes what is wanted; nothing is made twice, and nobody waits for ever."""
    make = Maker()
    path, _ = place_of("models", {"name": "a"})
    with (
        locked(cache_folder() / "locks" / f"{path.stem}.lock"),
        deadline.until(0.0),
        pytest.raises(PausedError, match=r"another process held .*\.lock"),
    ):
        ask(make)
    assert make.calls == 0
    with deadline.until(0.0):  # nobody holds it
        ask(make)
    assert make.calls == 1


def test_what_is_there_is_read_though_another_process_reads_it_too() -> None:
    make = Maker()
    ask(make)
    path, _ = place_of("models", {"name": "a"})
    with locked(cache_folder() / "locks" / f"{path.stem}.lock"), deadline.until(0.0):
        ask(make)
    assert make.calls == 1
