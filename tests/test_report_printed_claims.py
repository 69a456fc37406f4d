"""The numbers that the papers print pass the papers' own claims, or the claim says how many do.

Each printed set-up (data set, network, request) stands for one trained model, and the mean of batch
means for the accuracy. A set-up that several tables print counts once.
"""

from collections.abc import Mapping

import pandas as pd
import pytest

from unlearnlib.report import by_setting, read_claims, reported
from unlearnlib.report.claims import Claim
from unlearnlib.report.printed import UNITS

PARTS = {"jit": "jit", "dampening": "ssd"}
OURS = {part: {"SSD": "SSD as released", "BDSH": "BoundaryShrink"} for part in PARTS}
"""What the methods of print are called in our records, where that is something else."""
ITEMS = "Table|Entropy$|Figure 7"
KEPT: Mapping[str, tuple[str, ...]] = {
    "passes": ("jit-fast", "ssd-fast"),
    "processor seconds": ("ssd-stored-saves", "ssd-fisher-slow", "ssd-second-fastest"),
    "not read": ("lfssd-no-labels", "lfssd-like-ssd", "assd-class"),
    "not printed for both": ("jit-local",),
    "no accuracy printed": ("jit-entropy-like-retrained", "jit-entropy-rises"),
    "no original printed": ("jit-sigma-gentle",),
}
"""Claims on what is not printed, by the reason: there is nothing to run them on."""


def printed(part: str) -> pd.DataFrame:
    """Return the printed tables of a paper as a table of records."""
    rows = reported(PARTS[part])
    rows = rows[rows["item"].str.match(ITEMS) & rows["mean"].notna()]
    rows = rows[~rows["metric"].str.startswith("entropy_")]
    sweep = rows["item"].str.startswith("Figure")
    cell = ["dataset", "model", "request", "method", "params", "metric", "split"]
    rows = rows.assign(
        part=rows["paper"].where(~sweep, "jit-sensitivity").replace({"ssd": "dampening"}),
        scale="paper",
        method=rows["method"].replace(OURS.get(part, {})),
        metric=rows["metric"].str.removesuffix("_batch_mean"),
        value=rows["mean"] * rows["unit"].map(UNITS),
        params=rows["params"].where(sweep, "{}").replace("", "{}"),
        access="forget_inputs", stale=False, seed_model=0, seed_request=0, seed_method=0,
    )  # fmt: skip
    rows = rows.drop_duplicates(["part", *cell])
    rivals = rows[rows["part"] == part].assign(part="baselines")  # of claims on rivals
    rows = pd.concat([rows, rivals])
    return rows.assign(run_id=rows[["part", *cell[:5]]].agg("/".join, axis=1))


def counts(claim: Claim) -> tuple[int, int]:
    """Return in how many of how many printed set-ups a claim holds."""
    rows = by_setting({"paper": printed(claim.part)}, claims=[claim])
    return int(rows["k"].sum()), int(rows["n"].sum())


CLAIMS = [
    claim
    for claim in read_claims()
    if claim.part in PARTS and claim.tests and not claim.id.endswith(("-released", "-equation"))
]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_print_passes_the_claim_or_the_claim_says_in_how_many(claim: Claim) -> None:
    k, n = counts(claim)
    if any(claim.id in ids for ids in KEPT.values()):
        assert n == 0
        assert not claim.printed
        return
    assert n > 0
    assert claim.printed == ("" if k == n else f"{k} of {n}")
    assert k > n / 2 or claim.id in {"jit-subclass", "ssd-subclass-near"}
    if claim.printed:
        assert f"in {claim.printed} printed" in claim.sentence


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_the_original_does_not_pass_in_print_where_print_can_tell(claim: Claim) -> None:
    """Of 100 random images print has the same accuracy for all models: that has no power."""
    rows = by_setting({"paper": printed(claim.part)}, claims=[claim])
    passes, n = int(rows["original_k"].sum()), int(rows["original_n"].sum())
    assert passes == {
        "jit-random": 2,
        "ssd-random": 2,
        "ssd-subclass": 3,
        "ssd-subclass-near": 4,
    }.get(claim.id, 0)
    assert n or claim.controls or not rows["n"].sum()
