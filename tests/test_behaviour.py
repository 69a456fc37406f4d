"""What each method does, against the numbers that are kept; and what a record says of it."""

import json
import re
from pathlib import Path

import pytest

from unlearnlib import METHODS
from unlearnlib.runs import behaviour as module
from unlearnlib.runs.behaviour import PROBLEMS, behaviour, close, golden, kinds, of_kind, suits
from unlearnlib.stored import mean_powers
from unlearnlib.stored.per_example import sums_of_powers

TEXTS = "goemotions"
ALL = [(kind, problem) for kind in kinds() for problem in PROBLEMS]


@pytest.mark.parametrize(("kind", "problem"), [pair for pair in ALL if suits(*pair)])
def test_every_method_does_what_it_did(kind: str, problem: str) -> None:
    assert close(behaviour(kind, problem), golden()[kind][problem]), (
        f"{kind} moves other numbers than before. If that is meant: make behaviour, and all "
        "records of it are stale."
    )


def test_every_name_in_a_specification_is_kept_and_no_other() -> None:
    assert list(golden()) == list(kinds())
    assert {kind.partition(".")[0] for kind in kinds()} == set(METHODS)
    assert {"SSD.as_released", "NablaTau.as_released_text", "PGU.depoisoning"} <= set(kinds())


def test_every_method_but_the_original_moves_something() -> None:
    for kind, numbers in golden().items():
        for problem, values in numbers.items():
            assert (values == golden()["Original"][problem]) == (kind == "Original")


def test_a_change_in_what_methods_share_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    real = sums_of_powers
    monkeypatch.setattr(
        mean_powers,
        "sums_of_powers",
        lambda *given, **options: {k: v.sqrt() for k, v in real(*given, **options).items()},
    )
    changed = [k for k in ("SSD", "LFSSD", "ASSD", "JiT") if not close(
        behaviour(k, "images"), golden()[k]["images"]
    )]  # fmt: skip
    assert changed == ["SSD", "LFSSD", "ASSD"]


def test_kernels_may_round_and_no_more() -> None:
    assert close([1.0, 1e-9], [1.0 + 9e-7, 0.0])
    assert not close([1.0], [1.0 + 2e-6])
    assert not close([1.0], [1.0, 2.0])
    assert not close([float("nan")], [float("nan")])


def test_a_digest_is_of_what_the_method_does_to_such_data() -> None:
    digests = {(kind, data): of_kind(kind, data) for kind in kinds() for data in ("toy", TEXTS)}
    assert all(digests[kind, "toy"] for kind in kinds())
    assert {kind for (kind, _), digest in digests.items() if digest is None} == {
        kind for kind in kinds() if not suits(kind, "texts")
    }
    assert digests["SSD", "toy"] not in (digests["SSD", TEXTS], digests["SSD.as_released", "toy"])
    assert digests["NablaTau", "toy"] == digests["NablaTau.as_released", "toy"]  # the defaults
    assert of_kind("Unknown", "toy") is None


def test_the_file_is_written_anew_where_numbers_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is within the tolerance stays as it stands, so that no digest moves with a kernel."""
    near, far = golden()["SSD"]["images"], golden()["Original"]["images"]
    kept = {
        "SSD": {"images": [x + 1e-8 for x in near]},
        "Original": {"images": [x + 1e-3 for x in far]},
    }
    (tmp_path / "behaviour.json").write_text(json.dumps(kept))
    monkeypatch.setattr(module, "data_folder", lambda: tmp_path)
    monkeypatch.setattr(module, "kinds", lambda: iter(["SSD", "Original"]))
    monkeypatch.setattr(module, "PROBLEMS", {"images": module.images})
    golden.cache_clear()
    try:
        module.main()
        written = json.loads((tmp_path / "behaviour.json").read_text())
    finally:
        golden.cache_clear()
    assert written["SSD"] == kept["SSD"]
    assert written["Original"] != kept["Original"]
    assert close(written["Original"]["images"], far)
    assert capsys.readouterr().out == "SSD: as before\nOriginal: CHANGED\n"


def test_make_behaviour_writes_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[1] / "Makefile").read_text(encoding="utf-8")
    (code,) = re.findall(r"^behaviour:.*\n.* -c '(.*)'$", text, re.MULTILINE)
    calls: list[str] = []
    monkeypatch.setattr(module, "main", lambda: calls.append("written"))
    exec(code)
    assert calls == ["written"]
