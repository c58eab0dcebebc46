"""The last step to several published figures at once: single answers moved, here and there, until all of them are met."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from csr_lib.core.errors import OptionError
from csr_lib.simulate.respondents import Seed

Answers = npt.NDArray[np.float64]


def tune(
    answers: npt.ArrayLike,
    loss: Callable[[Answers], float],
    seed: Seed,
    low: int,
    high: int,
    enough: float = 0.0,
    together: int = 1,
    tries: int = 100_000,
) -> tuple[Answers, int]:
    """Move single answers by one grade, at random, and keep what brings `loss` down, until it is small enough.

    Where `nudge` meets one figure that rises with the answers, this meets any number of any kind: eigenvalues, fit, coefficients.

    Parameters
    ----------
    answers : (n, p) grades, none missing.
    loss : answers -> how far they are from what is wanted; finite, or ``inf`` for what is not allowed.
    seed : an int or a Generator.
    low, high : ends of the scale; no answer leaves it.
    enough : the loss that ends the search.
    together : answers that are moved at a time, at most; two or three reach figures between the steps of one.
    tries : moves to try.

    Returns
    -------
    answers, moved
        The new answers and how many of them differ from those handed in.

    Raises
    ------
    OptionError
        `enough` is not reached in `tries`.
    """
    rng = np.random.default_rng(seed)
    first = np.array(answers, dtype=float)
    now, best = first.copy(), loss(first)
    for _ in range(tries):
        if best <= enough:
            return now, int((now != first).sum())
        count = int(rng.integers(1, together + 1))
        at = (rng.integers(now.shape[0], size=count), rng.integers(now.shape[1], size=count))
        kept = now[at]
        now[at] = np.clip(kept + rng.choice((-1, 1), size=count), low, high)
        found = loss(now)
        if found < best:
            best = found
        else:
            now[at] = kept
    if best <= enough:
        return now, int((now != first).sum())
    raise OptionError(
        f"{tries} moves leave a loss of {best:.4g}, not {enough:.4g}",
        where="tune",
        allowed="answers that are near what is wanted",
        mend="start from a population whose samples come nearer, or from another seed; allow more tries",
    )
