"""Outputs of models, and models of one's own measured in one call."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from unlearnlib import Splits, evaluate, measure, outputs
from unlearnlib.errors import NonFiniteError, UnsupportedModelError
from unlearnlib.report import paired, show_summary, summary
from unlearnlib.report.rows import row_dicts


class TestOutputs:
    def test_batches_make_no_difference(self) -> None:
        model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 3))
        model = model.double().train()
        x = torch.randn(11, 4, dtype=torch.float64)
        whole = outputs(model, x)
        assert whole.shape == (11, 3)
        assert not whole.requires_grad
        assert_close(outputs(model, x, batch_size=2), whole)
        assert_close(whole, torch.cat([model.eval()(one[None]) for one in x]))


class TestEvaluate:
    def own(self) -> tuple[dict[str, Any], Splits]:
        """Two models that say the first and the last feature; nobody is right on both sets."""
        x = 3 * torch.eye(3).repeat(4, 1)
        forget, rest = (x[2::3], torch.full((4,), 2)), (x[0::3], torch.zeros(4, dtype=torch.int64))
        worse: Any = nn.Sequential(nn.Linear(3, 3), nn.Dropout()).train()
        with torch.no_grad():
            worse[0].weight.copy_(torch.eye(3) - 5 * torch.eye(3)[2].outer(torch.eye(3)[2]))
            worse[0].bias.zero_()
        models = {"Original": nn.Identity(), "mine": worse}
        return models, Splits.of(forget=forget, retain=rest, test=(2 * rest[0], rest[1]))

    def test_each_model_is_measured_and_stays_as_it_is(self) -> None:
        models, splits = self.own()
        table = evaluate(models, splits)
        assert models["mine"].training
        for name, model in models.items():
            rows = table.loc[table["method"] == name, ["metric", "split", "value"]]
            assert str(rows.to_numpy().tolist()) == str([[*row] for row in measure(model, splits)])
        told = summary(table, [("accuracy", "forget"), ("accuracy", "retain")])
        assert told["mean"].tolist() == [1, 0, 1, 1]

    def test_a_report_reads_the_table(self) -> None:
        models, splits = self.own()
        text = str(show_summary(summary(evaluate(models, splits), [("accuracy", "forget")])))
        assert text.index("Reference") < text.index("Original") < text.index("not known")
        assert text.index("not known") < text.index("mine")

    def test_models_of_several_classes_have_a_partner(self) -> None:
        models, splits = self.own()
        table = evaluate(models, splits)
        (row,) = row_dicts(paired(table, "accuracy", "retain", "mine", "Original"))
        assert (row["mean"], row["n"]) == (0.0, 1)

    def test_a_model_that_answers_nan_is_named(self) -> None:
        models, splits = self.own()
        with torch.no_grad():
            models["mine"][0].bias.fill_(torch.nan)
        with pytest.raises(NonFiniteError, match="mine: outputs on the split 'forget'"):
            evaluate(models, splits)


def test_outputs_are_logits() -> None:
    with pytest.raises(UnsupportedModelError, match="not logits"):
        outputs(nn.Linear(4, 1), torch.ones(3, 4))
