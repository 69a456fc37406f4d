"""Grids in turn: which is next in the time that is left, and the table that says so beforehand."""

from collections.abc import Callable, Iterator, Sequence
from math import inf
from pathlib import Path

from .grid import Grid
from .plan import Plan, by_worth, plan_of
from .speed import speed

Named = tuple[str, Grid]
"""A grid under the name of its specification."""


def turns(
    grids: Sequence[Named], left: Callable[[], float]
) -> Iterator[tuple[str, Grid, float, str]]:
    """Yield grids with the seconds that are left, and why they are skipped, "" if they are not.

    They come by worth an hour, as far as they declare a worth; if none does, as they are given, and
    none is skipped. Else one is whose first training does not fit, see `skipped`; and what time is
    left at the end goes to the first that was, as far as a checkpoint.
    """
    if not any(grid.worth for _, grid in grids):
        yield from ((name, grid, left(), "") for name, grid in grids)
        return
    late: list[Plan] = []
    for one in _plans(grids):
        now = plan_of(one.name, one.grid, speed)  # others have made some of it
        why = skipped(now, left())
        if why and not now.fault:
            late.append(now)
        yield one.name, one.grid, left(), why
    if late and left():
        yield late[0].name, late[0].grid, left(), ""


def table(grids: Sequence[Named], budget: float = inf) -> Iterator[str]:
    """Yield the lines of the table of grids in their turn, see `turns`, none of which is run.

    Trainings that several need are counted for the first that makes them.
    """
    if not grids:
        return
    plans, why, made = list[Plan](), list[str](), set[Path]()
    left = budget if any(grid.worth for _, grid in grids) else inf
    for one in _plans(grids):
        plans.append(one.without(made))
        why.append(skipped(plans[-1], left))
        if not (why[-1] or one.fault):  # inf - inf is no time
            left = max(0.0, left - plans[-1].seconds)
            made |= one.trainings.keys()
    resumed = next((i for i, one in enumerate(plans) if why[i] and not one.fault), None)
    width = max(len(one.name) for one in plans)
    yield f"{'specification':{width}}   runs  missing    estimate  worth  an hour"
    for i, one in enumerate(plans):
        remark = f"skipped: {why[i]}" if why[i] else one.fault and f"no estimate: {one.fault}"
        if left and i == resumed:
            remark = f"as far as a checkpoint, in the {told(left)} that are left"
        yield (
            f"{one.name:{width}}  {len(one.grid):5,}  {one.missing:7,}  {told(one.seconds):>10}  "
            f"{one.grid.worth:5g}  {one.rate:7.3g}  {remark}"
        ).rstrip()
    runs, known = sum(one.missing for one in plans), [one for one in plans if not one.fault]
    yield f"{runs:,} runs are missing: {told(sum(one.seconds for one in known))} of passes"
    yield "A training that several need is counted for the first of them, in this order."
    if guessed := sorted({name for one in plans for name in one.guessed}):
        yield f"One pass each is a guess for {', '.join(guessed)}, of which none is recorded."


def skipped(plan: Plan, left: float) -> str:
    """Return why a grid is not begun with so many seconds left; "" if it is.

    It is begun if its first training fits. Since trainings resume, that is what a checkpoint leaves
    of it, and whatever follows the first stops at a checkpoint.
    """
    if plan.first <= left:
        return ""
    return plan.fault or f"its first training takes {told(plan.first)}, and {told(left)} are left"


def _plans(grids: Sequence[Named]) -> list[Plan]:
    return by_worth([plan_of(name, grid, speed) for name, grid in grids])


def told(seconds: float) -> str:
    """Return a time in two units.

    >>> told(13_200), told(42.4), told(26 * 3600), told(inf)
    ('3 h 40 min', '42 s', '1 d 2 h', 'not known')
    """
    if seconds == inf:
        return "not known"
    seconds = round(seconds)
    for unit, name, part, parts in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min")):
        if seconds >= unit:
            whole, rest = divmod(round(seconds / part), unit // part)
            return f"{whole} {name} {rest} {parts}"
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds} s"
