"""The passes of a stop rule against those of the same epochs without one."""

import pandas as pd
import pytest

from unlearnlib import PGU, Recipe, Scenario, unlearn
from unlearnlib.audit.stop_rule import passes_apart
from unlearnlib.methods.parts.stopping import Stop


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("request_name", ["class:Boot", "random:0.5"])
@pytest.mark.parametrize("stop", ["gap", "drop", None])
def test_without_the_rule_are_the_passes_of_so_many_epochs(stop: Stop, request_name: str) -> None:
    recipe = Recipe(epochs=20, lr=0.1, batch_size=8)
    scenario = Scenario("toy", "mlp", request_name, recipe, validation=0.3)
    ran = unlearn(PGU(gamma=0.5, lr=1.0, lr_end=1.0, epochs=4, stop=stop), scenario, 0)
    splits = scenario.splits
    apart = passes_apart(pd.Series([ran.cost["passes"]]), stop, splits).to_dict("records")[0]
    epochs = round(apart["epochs"])
    assert apart["epochs"] == pytest.approx(epochs)
    assert 1 <= epochs <= 4
    bare = unlearn(PGU(gamma=0.5, lr=1.0, lr_end=1.0, epochs=epochs, stop=None), scenario, 0)
    assert apart["rest"] == pytest.approx(bare.cost["passes"])
    assert (apart["rule"] > 0) == (stop is not None)
