"""What is known of NablaTau's printed numbers: the abstract's two, and the anchor of its recipe."""

from unlearnlib.report import reported


def test_no_number_of_a_table_that_could_not_be_read_is_there() -> None:
    printed = reported("nabla_tau")
    assert printed["item"].value_counts().to_dict() == {"Starting kit": 9, "Abstract": 2}
    key = ["paper", "item", "dataset", "model", "request", "method", "params", "metric", "split"]
    assert not printed.duplicated(key).any()
    assert printed["mean"].notna().all()
    assert (printed["source"] != "").all()
    assert (printed["note"] != "").all()
    assert set(printed["paper"]) == {"nabla_tau"}
    fractions = printed[printed["unit"] == "fraction"]
    assert fractions["mean"].between(0.5, 0.6).all()
    assert list(fractions["metric"].unique()) == ["attack_loss"]
