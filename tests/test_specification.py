"""Specifications: all mistakes at once, before anything is trained; what was right stays so."""

import json
import re
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest

from unlearnlib import METHODS, Grid, Recipe, run_grid, scenario
from unlearnlib.errors import SpecError
from unlearnlib.runs import grid, specification
from unlearnlib.runs.specification import LIMIT, method_of

RIGHT: dict[str, Any] = {
    "part": "try", "scale": "laptop", "dataset": "toy", "model": "mlp",
    "requests": ["class:Boot"], "training": {"epochs": 1}, "methods": {"JiT": {}}, "seeds": [0],
}  # fmt: skip
NO_WORDS = ("/tmp/x", "", "..", "a\n", "x" * 101, "-x")


def told(**changes: Any) -> list[str]:
    """The sentences about a specification with some changes."""
    with pytest.raises(SpecError) as caught:
        Grid(**(RIGHT | changes))
    return str(caught.value).splitlines()


def method(**options: Any) -> dict[str, Any]:
    return {"methods": {"M": options}}


def training(**options: Any) -> dict[str, Any]:
    return {"training": {"epochs": 1} | options}


def test_what_is_right_is_right() -> None:
    assert len(Grid(**RIGHT)) == 1


def test_a_method_that_is_told_classes_needs_requests_of_classes() -> None:
    """One sentence for each that is none, before anything is trained."""
    requests = ["class:Boot", "random:9", "classes:Bag,Coat", "part:Boot:3", "rnadom:9"]
    said = told(requests=requests, methods={"JiT": {}, "GKT": {}, "E": {"type": "EMMN"}})
    assert [line.partition(" forgets no whole class")[0] for line in said[1:]] == [
        f"methods.{label}: {request!r}"
        for label in ("GKT", "E")
        for request in ("random:9", "part:Boot:3")
    ]
    assert said[0].startswith("'rnadom:9' is not a request. Did you mean random?")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"part": "../../x"}, "part must be a word of letters, digits, '_' and '-',.* '../../x'."),
        *(({"part": part}, "part must be a word") for part in NO_WORDS),
        ({"part": None}, "part must be text, not null."),
        ({"scale": "worksation"}, "scale cannot be the text 'worksation'. Did you mean worksta"),
        ({"scale": "../laptop"}, "scale cannot be"),
        ({"dataset": "fashon_small"}, "no data set 'fashon_small'. Did you mean fashion_small?"),
        ({"dataset": "toy+poison"}, r"dataset: .* is no poisoned data set.*toy\+poison500"),
        ({"dataset": "toy+poison0"}, "is no poisoned data set: .0. is not the number"),
        ({"dataset": "toy+poison1.5"}, "is no poisoned data set: .1.5. is not the number"),
        ({"dataset": "toy+noise5"}, "there is no data set 'toy.noise5'"),
        ({"model": "mlp16"}, "model: there is no model 'mlp16'. Did you mean mlp_16\\? Known"),
        ({"requests": "class:Bag"}, r"requests must be a list, not the .* Write \[class:Bag\]"),
        ({"requests": []}, "requests is empty"),
        ({"requests": [5]}, r"requests\[0\] must be text, not 5."),
        ({"requests": ["class:Bag"] * 2}, "requests has 'class:Bag' more than once"),
        ({"requests": ["clas:Bag"]}, "'clas:Bag' is not a request. Did you mean class"),
        ({"requests": ["random:1.5"]}, "'random:1.5': '1.5' is neither a count nor a share"),
        ({"requests": ["part:Bag"]}, "'part:Bag' is not a request"),
        ({"requests": ["part:Bag:0"]}, "'0' is neither a count nor a share"),
        (training(lr="5e-2"), "training.lr must be a finite number, not the text '5e-2'."),
        (training(augment="false"), "training.augment must be true or false, not the text"),
        (training(schedule="one"), "training.schedule cannot be the text 'one'."),
        (training(batchsize=8), "There is no training.batchsize. Did you mean batch_size"),
        ({"training": {}}, "training.epochs is missing."),
        ({"training": {"epoch": 2}}, "There is no training.epoch. Did you mean epochs"),
        ({"training": None}, "training must be a mapping, not null."),
        ({"methods": {"JiT": None}}, "methods.JiT must be a mapping, not null."),
        ({"methods": ["JiT"]}, "methods must be a mapping"),
        ({"methods": {}}, "methods is empty"),
        ({"methods": {1: {}}}, "the key 1 of methods must be text, not 1."),
        ({"methods": {"Jit": {}}}, "methods.Jit: there is no method 'Jit'. Did you mean JiT"),
        (method(type=3), "methods.M.type must be text, not 3."),
        (method(type="JiT", label=None), "methods.M.label must be text, not null."),
        (method(type="JiT.released"), "no method 'JiT.released', a constructor of JiT. Did you m"),
        (method(type=".JiT"), "no method '.JiT'. Did you mean JiT"),
        (method(type="Jit.as_released"), "no method 'Jit.as_released'. Did you mean JiT"),
        (method(type="JiT\n"), r"no method 'JiT\\n'. Did you mean JiT"),
        ({"methods": {"a\nb": {"type": "J"}}}, r"methods.'a\\nb': there is no method 'J'"),
        ({"model": "mlp_16\n"}, r"no model 'mlp_16\\n'. Did you mean mlp_16"),
        ({"dataset": "toy\r"}, r"no data set 'toy\\r'"),
        ({"requests": ["class\n:Bag"]}, r"'class\\n:Bag' is not a request. Did you mean class"),
        ({"requests": ["random:\u2028"]}, r"'random:\\u2028': '\\u2028' is neither a count"),
        ({"splits": ["test\n"]}, r"no split 'test\\n'"),
        (method(type="JiT."), "no method 'JiT.', a constructor of JiT"),
        (method(type="JiT.__init__"), "no method 'JiT.__init__', a constructor of JiT"),
        (method(type="JiT.__init_subclass__"), "no method 'JiT.__init_subclass__'"),
        (method(type="Original.as_released"), "Original has none"),
        (method(type="JiT", sigmas=1), "There is no methods.M.sigmas. Did you mean sigma"),
        (method(type="JiT", sigma=[0.1, 0.2]), "methods.M.sigma must be a finite number, not"),
        (method(type="JiT", reduction="avg"), "methods.M.reduction cannot be the text 'avg'"),
        (method(type="JiT.as_released", lr="1e-3"), "methods.M.lr must be a finite number, not"),
        (method(type="PGU", share="singualr"), "methods.M.share .* Did you mean singular"),
        (method(type="PGU", stop="None", share="energy"), "methods.M.stop cannot be the text 'No"),
        (method(type="PGU", layers="fc"), "methods.M.layers must be a tuple"),
        (method(type="NablaTau", match="moment"), "methods.M.match .* Did you mean moments"),
        ({"seeds": 0}, r"seeds must be a list, not 0. Write \[0\]."),
        ({"seeds": []}, "seeds is empty"),
        ({"seeds": [0, 0, 1]}, "seeds has 0 more than once"),
        ({"seeds": [0, -1]}, r"seeds\[1\] must be at least 0, not -1."),
        ({"seeds": [True]}, r"seeds\[0\] must be a whole number, not true."),
        ({"seeds": [1.0]}, r"seeds\[0\] must be a whole number, not 1.0."),
        ({"validation": 1}, "validation must be at least 0 and below 1, not 1."),
        ({"validation": -0.1}, "validation must be at least 0"),
        ({"validation": float("nan")}, "validation must be a finite number"),
        ({"validation": "0.1"}, "validation must be a finite number, not the text '0.1'."),
        ({"splits": ["forget", "tset"]}, "splits: there is no split 'tset'. Did you mean test"),
        ({"splits": []}, "splits is empty"),
        ({"splits": ["test", "test"]}, "splits has 'test' more than once"),
        ({"splits": "test"}, r"splits must be a list, not the text 'test'. Write \[test\]."),
    ],
)  # fmt: skip
def test_one_mistake_is_one_sentence(changes: dict[str, Any], sentence: str) -> None:
    if "M" in (changes.get("methods") or {}):
        changes = changes | {"validation": 0.1}
    (found,) = told(**changes)
    assert re.search(sentence, found), found


def test_all_mistakes_are_told_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(scenario, "load", None)  # not even the data are needed
    wrong = RIGHT | {
        "part": "a b", "dataset": "cifar", "model": "resnet", "seeds": [0, 0],
        "requests": ["random:2.0", "clas:1"], "training": {"epochs": 1.5, "lr": "fast"},
        "methods": {"JiT": None, "Jit": {}, "A": {"type": "JiT", "sigma": "x", "lr": None}},
        "splits": ["train"], "validation": 2, "note": "none of these",
    }  # fmt: skip
    path = tmp_path / "wrong.yaml"
    path.write_text(json.dumps(wrong))
    with pytest.raises(SpecError) as caught:
        Grid.read(path)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{path}: ") for line in lines)
    words = [
        "part", "cifar", "resnet", "0 more than once", "random:2.0", "clas:1", "epochs", "lr",
        "methods.JiT", "'Jit'", "methods.A.sigma", "methods.A.lr", "'train'", "validation",
    ]  # fmt: skip
    for word in words:
        assert any(word in line for line in lines), word
    assert len(lines) == len(words)


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), (0, -0.0), (1e16, 10**16), (0.5, 0.50)])
def test_methods_are_equal_by_value(one: float, other: float) -> None:
    both = {k: {"type": "JiT", "label": "J", "lr": v} for k, v in (("a", one), ("b", other))}
    (found,) = told(methods=both)
    assert found.startswith("methods.a and methods.b are one method with one label and equal")
    runs = [next(Grid(**RIGHT | {"methods": {k: v}}).runs()) for k, v in both.items()]
    assert runs[0].run_id == runs[1].run_id


def test_items_of_the_right_type_are_looked_at_beside_those_of_a_wrong_one() -> None:
    found = told(seeds=[1, 1, "2"], requests=["class:", None, "class:Boot"])
    assert [line.split()[0] for line in found] == ["requests[1]", "'class:'", "seeds[2]", "seeds"]
    assert told(seeds=["0"]) == ["seeds[0] must be a whole number, not the text '0'."]


def test_sentences_have_an_end() -> None:
    found = told(seeds=["x"] * 500)
    assert len(found) == 21
    assert found[-1] == "There are 480 mistakes more."
    assert len(told(seeds=["x"] * 20)) == 20


def test_a_grid_has_a_bound() -> None:
    (found,) = told(seeds=list(range(LIMIT + 1)))
    assert found == "A grid has at most 20,000 runs, not 20,001. Split it into several."
    assert len(Grid(**(RIGHT | {"seeds": list(range(LIMIT))}))) == LIMIT
    (found,) = told(seeds=["x"] * 200, requests=["class:Boot"] * 200)
    assert "not 40,000" in found


class TestMethods:
    def test_one_label_and_equal_fields(self) -> None:
        one = {"type": "JiT", "label": "same"}
        (found,) = told(methods={"A": one, "B": one | {"sigma": 0.5}})
        assert found.startswith("methods.A and methods.B are one method with one label and equal")
        (found,) = told(methods={"JiT": {}, "B": {"type": "JiT", "label": "JiT"}})
        assert found.startswith("methods.JiT and methods.B are one")
        released = {"type": "JiT.as_released", "label": "same"}
        spelled = {"type": "JiT", "label": "same", **asdict(method_of("x", released))}
        (found,) = told(methods={"A": released, "B": spelled})
        assert "counted twice" in found

    def test_what_bounds_memory_makes_no_other_run(self) -> None:
        some = {
            name: {"type": "SSD", "label": "SSD", "chunk": n} for name, n in (("A", 8), ("B", 9))
        }
        (found,) = told(methods=some)
        assert found.startswith("methods.A and methods.B are one method with one label and equal")

    @pytest.mark.parametrize(
        "other",
        [{"type": "JiT", "label": "other"}, {"type": "JiT", "label": "same", "sigma": 0.4},
         {"type": "JiT", "label": "same", "noise": "sparse"}],
    )  # fmt: skip
    def test_a_label_or_fields_that_differ(self, other: dict[str, Any]) -> None:
        Grid(**(RIGHT | {"methods": {"A": {"type": "JiT", "label": "same"}, "B": other}}))

    @pytest.mark.parametrize("name", ["NablaTau", "PGU", "SCRUBRewind", "LoTUS"])
    def test_some_need_validation_examples(self, name: str) -> None:
        (found,) = told(methods={name: {}, "JiT": {}})
        assert found.startswith(f"methods.{name}: {name} needs validation examples, and valid")
        assert len(told(methods={name: {}}, validation=0, splits=[])) == 2
        Grid(**(RIGHT | {"methods": {name: {}}, "validation": 0.1}))

    def test_some_can_do_without(self) -> None:
        methods = {"PGU": {"stop": None}, "SCRUBRewind": {"rewind": False},
                   "LoTUS": {"to_zero": True},
                   "R": {"type": "SCRUBRewind.as_released"}}  # fmt: skip
        Grid(**(RIGHT | {"methods": methods}))

    @pytest.mark.parametrize("name", METHODS)
    def test_every_field_of_every_constructor_can_be_given(self, name: str) -> None:
        for kind in [name, *(f"{name}.{c}" for c in specification._constructors(METHODS[name]))]:
            made = method_of("x", {"type": kind})
            values = {field.name: getattr(made, field.name) for field in fields(made)}
            for field, value in values.items():
                assert method_of("x", {"type": kind, field: value}) == made
            assert method_of("x", {"type": kind, **values}) == made

    def test_a_list_of_yaml_stands_for_a_tuple(self) -> None:
        method: Any = method_of("PGU", {"layers": ["0", "2"]})
        assert list(method.layers) == ["0", "2"]

    def test_what_cannot_be_made_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Fields may be right one by one and wrong together."""

        def refuse(cls: type[Any], /, **given: Any) -> None:
            raise SpecError("sigma and lr do not go together.")

        monkeypatch.setattr(METHODS["JiT"], "as_released", classmethod(refuse))
        specification._constructors.cache_clear()
        (found,) = told(methods={"A": {"type": "JiT.as_released"}})
        assert found == "methods.A: sigma and lr do not go together."
        monkeypatch.setattr(specification, "Recipe", refuse_recipe())
        (found,) = told()
        assert found == "training: that cannot be trained."


def refuse_recipe() -> Any:
    class Refused(Recipe):
        def __init__(self, **given: Any) -> None:
            raise SpecError("that cannot be trained.")

    return Refused


@pytest.mark.usefixtures("lab")
class TestData:
    """What only the data set can tell is told before the first run, of all requests."""

    def test_every_request_is_looked_at(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(grid, "measured", None)
        asked = ["class:Bag", "class:sandal", "part:Bag:41", "random:121", "random:0.001",
                 "subclass:pumps", "classes:Bag,Boot,Coat", "part:Bag:0.001"]  # fmt: skip
        with pytest.raises(SpecError) as caught:
            run_grid(Grid(**(RIGHT | {"requests": asked})))
        found = str(caught.value).splitlines()
        assert [line.split("'")[1] for line in found] == asked[1:]

    def test_a_share_that_holds_out_nothing(self) -> None:
        with pytest.raises(SpecError, match=r"validation of 0\.001 holds out none of the training"):
            run_grid(Grid(**(RIGHT | {"validation": 0.001})))

    def check(self, plan: Grid) -> None:
        plan.check_requests(next(plan.runs()).scenario)

    def test_validation_examples_are_not_there_to_forget(self) -> None:
        """Of 40 bags some are among the 36 of 120 examples that are held out."""
        wanted = RIGHT | {"requests": ["part:Bag:40"]}
        self.check(Grid(**wanted))
        with pytest.raises(SpecError, match=r"'part:Bag:40' asks for 40 examples, and there are 2"):
            self.check(Grid(**(wanted | {"validation": 0.3})))

    def test_nothing_is_loaded_if_nothing_is_due(self, monkeypatch: pytest.MonkeyPatch) -> None:
        first = run_grid(Grid(**RIGHT))
        monkeypatch.setattr(scenario, "load", None)
        assert run_grid(Grid(**RIGHT)).equals(first)
