r"""How often NablaTau goes through the forget set, and how it meets the rest on the way.

Of :math:`N_f` batches to forget each is paired with one of :math:`N_r` to retain. So a pass over
the forget set costs :math:`2 N_f` batches, and uses :math:`N_f` of those to retain.
"""


def passes(N_f: int, N_r: int, budget: float, most: int | None = None) -> int:
    r"""Return the passes :math:`E` over the forget set that cost `budget` passes over the rest.

    .. math:: E = \lfloor \text{budget} \, N_r / 2 N_f \rfloor

    Args:
        N_f: Batches to forget.
        N_r: Batches to retain.
        budget: Cost, in passes over all that is retained.
        most: Bound of :math:`E`; none if it is None.
    """
    E = max(1, int(budget * N_r / (2 * N_f)))
    return min(E, most or E)


def passes_per_order(N_f: int, N_r: int) -> int:
    """Return how many passes over the forget set one order of the retain set lasts for.

    What is left of the order is not used then: the next pass draws a new one.
    """
    return max(1, N_r // N_f)
