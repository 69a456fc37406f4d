"""What is read from data/claims.yaml, data/reported and pages: strictly, a sentence a mistake."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from unlearnlib.errors import DataError, RecordError, SpecError
from unlearnlib.report import hand_over, handed_over, ledger, printed, read_claims, reported
from unlearnlib.report.claims_file import digest
from unlearnlib.report.handover import Cell

LEFT = "left: {method: JiT, metric: accuracy}"
LATER = "'2026-11-30T11:05:00+00:00'"
FROZEN = "time: '2026-11-29T11:05:00+00:00', digest: x"


def claims(tmp_path: Path, text: str) -> tuple[Any, ...]:
    path = tmp_path / "claims.yaml"
    path.write_text(text, "utf-8")
    return read_claims(path)


def claim(rest: str, head: str = "id: a, part: p, sentence: s, source: t") -> str:
    return f"- {{{head}, {rest}}}"


def test_a_claim_as_it_should_be(tmp_path: Path) -> None:
    (found,) = claims(
        tmp_path,
        claim(f"tests: [{{{LEFT}, right: {{method: Retrain}}, at_least: 0, at_most: 0, "
              "where: {request: 'class:*'}}], given: [{left: {method: JiT, metric: loss, params: "
              "{lr: 1}}, at_most: 1}], access: [forget, generator]")
    )  # fmt: skip
    (test,) = found.tests
    assert (test.at_least, test.at_most) == (0, 0)
    assert test.where == {"part": "p", "request": "class:*"}
    assert (test.right.method, test.right.metric) == ("Retrain", "accuracy")
    (given,) = found.given
    assert (given.at_least, given.at_most) == (-math.inf, 1)
    assert given.left.params == {"lr": 1}
    assert found.access == frozenset({"forget", "generator"})
    assert (found.subject, found.frozen, found.changed) == ("JiT", None, False)


def test_a_claim_is_judged_for_its_other_forms_too(tmp_path: Path) -> None:
    tests = f"tests: [{{{LEFT}, right: {{method: SSD}}, at_least: 0}}]"
    own, form = claims(
        tmp_path, claim(f"{tests}, printed: 1 of 2, forms: [{{id: b, says: As released, methods: "
                        "{JiT: JiT as released, SSD: SSD as released}}]")
    )  # fmt: skip
    assert (own.id, own.subject, own.printed) == ("a", "JiT", "1 of 2")
    assert (form.id, form.subject, form.printed) == ("b", "JiT as released", "")
    assert form.sentence == "As released: s"
    assert form.tests[0].right.method == "SSD as released"


def test_a_frozen_claim_knows_whether_it_was_changed(tmp_path: Path) -> None:
    entry = {"id": "a", "part": "p", "sentence": "s", "cell": True}
    time = "2026-11-29T11:05:00+00:00"
    for changed in (False, True):
        now = digest(entry | ({"sentence": "t"} if changed else {}))
        frozen = f"frozen: {{time: '{time}', digest: {now}, settings: {{}}}}"
        (found,) = claims(tmp_path, claim(f"cell: true, {frozen}"))
        assert (found.frozen.time, found.changed) == (time, changed)
    assert digest(entry | {"source": "x", "page": "y", "frozen": "z"}) == digest(entry)


@pytest.mark.parametrize(
    ("rest", "match"),
    [
        ("cell: 'yes'", "cell must be true or false"),
        ("cell: 1", "cell must be true or false, not 1"),
        ("untestable: 3", "untestable must be text"),
        ("cell: true, page: 3", "page must be text"),
        ("cell: true, given: [{}]", r"given\[0\]\.left must be a mapping"),
        ("cell: true, given: {}", "given must be a list"),
        (f"cell: true, given: [{{{LEFT}, at_least: 0}}]", "given is about tests"),
        ("cell: true, controls: x", "controls is about tests"),
        ("untestable: x, exact: true", "exact is about what no model is drawn for"),
        (f"tests: [{{{LEFT}, at_least: 0}}], exact: true", "exact is about what no model is drawn"),
        (f"tests: [{{{LEFT}, at_least: 0}}], kinds: [{{reqest: a}}]", "kinds has no column req"),
        (f"tests: [{{{LEFT}, at_least: 0}}], kinds: [{{request: 3}}]", r"kinds\.request must be a"),
        (f"tests: [{{{LEFT}, at_least: 0}}], kinds: class", "kinds must be a list of patterns"),
        (f"tests: [{{{LEFT}, at_least: 0}}], kinds: [3]", "kinds must be patterns of columns"),
        (f"tests: [{{{LEFT}, at_least: 0}}], kinds: [{{part: a}}]", "settings, which have no part"),
        ("cell: true, kinds: [{request: a}]", "kinds is about tests"),
        ("cell: true, changed: true", "changed is found out"),
        ("cell: true, frozen: 2026-11-29", "frozen has the keys digest, settings, time"),
        (f"cell: true, frozen: {{{FROZEN}, settings: x}}", r"frozen\.settings must be a mapping"),
        (f"cell: true, frozen: {{{FROZEN}, settings: {{shop: x}}}}", r"frozen\.settings must be a"),
        (f"cell: true, frozen: {{{FROZEN}, settings: {{}}, anew: {{lap: x}}}}", r"frozen\.anew"),
        (f"cell: true, frozen: {{{FROZEN}, settings: {{}}, anew: {{paper: x}}}}", "must be in UTC"),
        (f"cell: true, frozen: {{{FROZEN}, settings: {{}}, later: {{}}}}", "may have anew, not"),
        (f"cell: true, frozen: {{{FROZEN}, settings: {{paper: x}}, anew: {{paper: {LATER}}}}}"
         .replace("-30", "-28"), "later than frozen"),
        *[(f"cell: true, frozen: {{time: {time}, digest: x, settings: {{}}}}", "must be in UTC")
          for time in ("2026-11-29 11:05", "'2026-11-29T13:05:00+02:00'", "2026")],
        (f"tests: [{{{LEFT}, at_least: 0}}], method: SSD", r"tests\[0\] is not about SSD"),
        (f"tests: [{{{LEFT}, at_least: 0}}, {{left: {{method: SSD, metric: loss}}, at_least: 0}}]",
         r"tests\[1\] is not about JiT"),
        (f"tests: [{{{LEFT}, at_least: 0}}], forms: [{{id: b, says: c, methods: {{JIT: SSD}}}}]",
         "the form 'b' replaces JIT, which no test has"),
        (f"tests: [{{{LEFT}, at_least: 0}}], forms: [{{id: b, says: c, methods: JiT}}]",
         "forms.methods must be a mapping"),
        (f"tests: [{{{LEFT}, at_least: 0}}], forms: [{{id: b}}]", "forms has the keys id, methods"),
        (f"tests: [{{{LEFT}, at_least: 1, way: true, origin: x}}]", "is a way, which is of left"),
        ("tests: {left: 1}", "tests must be a list"),
        ("tests: [1]", r"tests\[0\] must be a mapping, not 1"),
        ("tests: [{at_least: 0}]", r"tests\[0\]\.left must be a mapping"),
        ("tests: [{left: JiT, at_least: 0}]", r"tests\[0\]\.left must be a mapping"),
        ("tests: [{left: {method: JiT}, at_least: 0}]", r"tests\[0\]\.left has no metric"),
        ("tests: [{left: {metric: loss}, at_least: 0}]", r"tests\[0\]\.left has no method"),
        (f"tests: [{{{LEFT}, at_least: '0.1'}}]", r"at_least must be a finite number"),
        (f"tests: [{{{LEFT}, at_least: true}}]", r"at_least must be a finite number, not true"),
        (f"tests: [{{{LEFT}, at_most: null}}]", r"at_most must be a finite number"),
        (f"tests: [{{{LEFT}, at_lest: 0, at_most: 1}}]", r"no tests\[0\]\.at_lest\. Did you mean"),
        (f"tests: [{{{LEFT}, at_least: 1, at_most: 0}}]", r"allows nothing"),
        (f"tests: [{{{LEFT}, at_least: 1, ratio: true}}]", "ratio of left to nothing"),
        (f"tests: [{{{LEFT}, at_least: 1, ratio: 1}}]", "ratio must be true or false"),
        (f"tests: [{{{LEFT}, at_least: 1, origin: [Retrain]}}]", "origin must be text"),
        (f"tests: [{{{LEFT}, at_least: 1, right: {{}}}}]", r"right must be a mapping"),
        (f"tests: [{{{LEFT}, at_least: 1, right: Retrain}}]", r"right must be a mapping"),
        (f"tests: [{{{LEFT}, at_least: 1, right: {{methd: x}}}}]", r"no tests\[0\]\.right\.methd"),
        (f"tests: [{{{LEFT}, at_least: 1, where: {{requests: x}}}}]", "Did you mean request"),
        (f"tests: [{{{LEFT}, at_least: 1, where: {{request: 1}}}}]", "where.request must be a pa"),
        (f"tests: [{{{LEFT}, at_least: 1, where: x}}]", r"where must be"),
        ("tests: [{left: {method: 1, metric: loss}, at_least: 0}]", "left.method must be text"),
        ("tests: [{left: {method: a, metric: b, params: [1]}, at_least: 0}]", "params must be a m"),
        ("access: JiT", "access must be a list"),
        ("access: [forget]", "access is about tests"),
        ("access: [forgot]", "nothing is named forgot. Did you mean forget"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_the_id(tmp_path: Path, rest: str, match: str) -> None:
    with pytest.raises(SpecError, match=match) as caught:
        claims(tmp_path, claim(rest))
    assert "Claim 'a'" in str(caught.value)
    assert all(line.startswith("Claim 'a'") for line in str(caught.value).splitlines())


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    text = "\n".join(
        [claim("cell: true, sauce: x"), claim("cell: 3", "part: 3, sentence: s, source: t"),
         claim("untestable: x"), claim("cell: true")]
    )  # fmt: skip
    with pytest.raises(SpecError) as caught:
        claims(tmp_path, text)
    assert [line.split(".")[0] for line in str(caught.value).splitlines()] == [
        "Claim 'a': There is no sauce",
        "Claim 'number 2' has no id",
        "Claim 'number 2': part must be text, not 3",
        "Claim 'number 2': cell must be true or false, not 3",
        "claims",
    ]
    assert "uses the id 'a' 3 times" in str(caught.value)


@pytest.mark.parametrize("missing", ["part", "sentence", "source"])
def test_what_every_claim_has(tmp_path: Path, missing: str) -> None:
    head = ", ".join(f"{k}: x" for k in ("id", "part", "sentence", "source") if k != missing)
    with pytest.raises(SpecError, match=f"Claim 'x' has no {missing}"):
        claims(tmp_path, claim("cell: true", head))


@pytest.mark.parametrize("text", ["null", "a: 1", "- 1", "3", "- [a]"])
def test_a_file_that_is_no_list_of_claims(tmp_path: Path, text: str) -> None:
    with pytest.raises(SpecError, match="list of claims"):
        claims(tmp_path, text)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for text, match in (
        ("- {id: a", "line 1"),
        ("", "is empty"),
        (claim(f"tests: [{{{LEFT}, at_most: .nan}}]"), "line 1: .nan is not a finite number"),
        (claim("cell: true, cell: true"), "line 1"),
    ):
        with pytest.raises(SpecError, match=match):
            claims(tmp_path, text)
    path = tmp_path / "claims.yaml"
    path.write_bytes("- {id: ä}".encode("latin-1"))
    with pytest.raises(SpecError, match=r"claims\.yaml"):
        read_claims(path)
    with pytest.raises(SpecError, match="nowhere"):
        read_claims(tmp_path / "nowhere.yaml")


HEAD = (
    "paper,item,dataset,model,request,method,zero_shot,params,metric,split,unit,mean,sd,source,note"
)
CELL = "x,Table 1,d,m,r,JiT,no,,accuracy,test,%,{},{},s,"


def table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *lines: str, head: str = HEAD
) -> pd.DataFrame:
    (tmp_path / "reported").mkdir(exist_ok=True)
    (tmp_path / "reported" / "x.csv").write_text("\n".join([head, *lines]) + "\n", "utf-8")
    monkeypatch.setattr(printed, "data_folder", lambda: tmp_path)
    return reported("x")


def test_a_printed_table_as_it_should_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = table(
        tmp_path, monkeypatch, CELL.format("12.5", ""), CELL.replace("JiT", "SSD").format("", "")
    )
    assert found["mean"].isna().tolist() == [False, True]
    assert found.loc[0, "mean"] == 12.5
    assert found["sd"].isna().all()


@pytest.mark.parametrize(
    ("lines", "match"),
    [
        ([CELL.format("12.5%", "")], "Line 2 .* mean '12.5%'"),
        ([CELL.format("1", "0.1").replace("JiT", "A"), CELL.format("1", "x")], "Line 3 .* sd 'x'"),
        ([CELL.format("nan", "")], "mean 'nan'"),
        ([CELL.format("inf", "")], "mean 'inf'"),
        ([CELL.format("1", "-0.1")], "Line 2 .*negative"),
        ([CELL.format("1", "").replace("%", "percent")], "unit 'percent'"),
        ([CELL.format("1", ""), CELL.format("2", "")], "Line 3 .* second time: x, Table 1"),
        ([CELL.format("1", "").replace("no,,", "no,{,")], "x.csv has params that are no JSON"),
        (["a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q"], "x.csv"),
    ],
)
def test_a_printed_cell_that_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str], match: str
) -> None:
    with pytest.raises(DataError, match=match):
        table(tmp_path, monkeypatch, *lines)


def test_a_printed_table_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = HEAD.replace("metric", "metrik").replace("mean", "m")
    with pytest.raises(DataError, match="lacks the columns metric, mean"):
        table(tmp_path, monkeypatch, CELL.format("1", ""), head=head)
    (tmp_path / "reported" / "x.csv").write_bytes(f"{HEAD}\n{CELL}ä".encode("latin-1"))
    with pytest.raises(DataError, match="UTF-8"):
        reported("x")


class TestCells:
    @pytest.mark.parametrize(
        "value", [math.nan, 1, "false", None, "reproduced", [3], [3, 2], [0, 0], [-1, 2], [0.5, 1]]
    )
    def test_a_page_says_in_how_many_models(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: Any
    ) -> None:
        monkeypatch.setenv("UNLEARNLIB_CACHE", str(tmp_path))
        with pytest.raises(SpecError, match="in how many of how many models"):
            hand_over("jit", {"jit-geometry-flat": value})
        assert handed_over("jit") == {}
        with pytest.raises(SpecError, match="is no verdict"):
            ledger({}, cells={"jit-geometry-flat": Cell(value)})
        hand_over("jit", {"jit-geometry-flat": np.bool_(True)})  # type: ignore[dict-item]
        (path,) = (tmp_path / "records" / "jit").glob("*.jsonl")
        path.write_text(json.dumps({"jit-geometry-flat": [value, "", False]}))
        with pytest.raises(RecordError, match="no verdict"):
            handed_over("jit")

    def test_a_scale_that_is_none(self) -> None:
        with pytest.raises(SpecError, match="workstatoin"):
            ledger({}, cells={"jit-geometry-far@workstatoin": Cell((1, 1))})
