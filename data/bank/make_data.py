"""Make answers.csv and truth.yml of the bank study: ``python data/bank/make_data.py [folder]``.

Corporate customers of a bank, 2008. Nobody published the answers; these are drawn from a factor model with known loadings
(truth.yml), and then single answers are moved until all published figures that can stand together (published.yml) come out.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from csr_lib.core.errors import OptionError
from csr_lib.simulate import Margin, Population, draw, return_times, tune
from csr_lib.stats.factor import factor_analysis, score_weights
from csr_lib.stats.moments import moments

SEED = 11
HERE = Path(__file__).parent

#: construct -> item -> (loading, mean, sd) on five grades
ITEMS = {
    "Image": {"Q1": (0.70, 4.02, 0.80), "Q2": (0.62, 3.83, 0.92)},
    "Product": {"Q3": (0.66, 3.58, 0.95), "Q4": (0.60, 3.22, 1.06), "Q5": (0.64, 3.41, 1.00)},
    "Relationship": {"Q6": (0.68, 3.76, 0.92), "Q7": (0.64, 3.55, 1.02)},
    "Service": {"Q8": (0.62, 3.68, 0.98), "Q9": (0.68, 3.91, 0.80), "Q10": (0.63, 4.08, 0.76)},
    "Environment": {"Q11": (0.65, 3.72, 0.86), "Q12": (0.65, 3.38, 1.08)},
}
BETWEEN = 0.38  # correlation of any two constructs
OVERALL = (3.62, 1.02)
#: published coefficients of the path model
PATHS = {"Image": 0.329, "Product": 0.41, "Relationship": 0.57, "Service": 0.42, "Environment": 0.30}
KMO, CHI_SQUARE, SHARE = 0.765, 132.948, 0.631
VALID, STRAIGHT, BLANK = 93, 4, 1  # 98 returned
LARGE = 67  # of the 98 returned
NAMES = [item for items in ITEMS.values() for item in items]
P = len(NAMES)
OWNER = np.array([construct for construct, items in ITEMS.items() for _ in items])
SAME = (OWNER[:, None] == OWNER) & ~np.eye(P, dtype=bool)


def population() -> Population:
    """Return what is true of the customers: five correlated factors, two or three items each."""
    loading = np.array([about[0] for items in ITEMS.values() for about in items.values()])
    r = np.outer(loading, loading) * np.where(OWNER[:, None] == OWNER, 1.0, BETWEEN)
    np.fill_diagonal(r, 1.0)
    margins = {key: Margin.of(m, sd, 1, 5) for items in ITEMS.values() for key, (_, m, sd) in items.items()}
    return Population.from_correlation(pd.DataFrame(r, index=NAMES, columns=NAMES), margins)


def products(answers: np.ndarray) -> np.ndarray:
    """Return sums of squares and products about the means."""
    centred = answers - answers.sum(axis=0) / len(answers)
    return np.asarray(centred.T @ centred)


def correlation(answers: np.ndarray) -> np.ndarray:
    """Return the correlation matrix; a fraction of the time of numpy's own, and it is needed thousands of times."""
    s = products(answers)
    scale = 1 / np.sqrt(s.diagonal())
    return np.asarray(s * scale * scale[:, None])


def chi_square(r: np.ndarray) -> float:
    """Return Bartlett's χ² of a correlation matrix of the valid answers."""
    return float(-(VALID - 1 - (2 * P + 5) / 6) * np.linalg.slogdet(r)[1])


def figures(r: np.ndarray) -> tuple[float, float, float]:
    """Return KMO, the share of variance of five components, and the fifth eigenvalue of a correlation matrix."""
    values = np.linalg.eigvalsh(r)[::-1]
    inverse = np.linalg.inv(r)
    partial = inverse**2 / np.outer(inverse.diagonal(), inverse.diagonal())
    direct = float((r**2).sum()) - P
    kmo = direct / (direct + float(partial.sum()) - P)
    return kmo, float(values[:5].sum()) / P, float(values[4])


def far(answers: np.ndarray) -> float:
    """Return how far the answers are from the published figures of the component analysis, in steps that are near enough."""
    s, r = products(answers), correlation(answers)
    kmo, share, fifth = figures(r)
    alpha = P / (P - 1) * (1 - s.trace() / s.sum())
    within, between = r[SAME], r[OWNER[:, None] != OWNER]
    steps = [
        abs(kmo - KMO) / 0.0002,
        abs(chi_square(r) - CHI_SQUARE) / 0.2,
        abs(share - SHARE) / 0.0002,
        (1.04 - fifth) / 0.01 + 1,
        (0.703 - alpha) / 0.002 + 1,
        (0.27 - within.min()) / 0.02 + 1,  # the factors are to be seen in every pair of their items, …
        (between.max() - 0.33) / 0.02 + 1,  # … and only there
    ]
    over = np.maximum(np.array(steps) - 1, 0)
    return float(over @ over)


def meets(answers: np.ndarray) -> bool:
    """Tell whether the answers have the published figures to their last printed digits."""
    r = correlation(answers)
    kmo, share, fifth = figures(r)
    near = abs(kmo - KMO) < 0.00045 and abs(share - SHARE) < 0.00045 and fifth > 1.02
    return bool(near and abs(chi_square(r) - CHI_SQUARE) < 0.0004)


def last_digits(answers: np.ndarray) -> np.ndarray:
    """Move two answers so that χ² has its printed digits too.

    What each answer does to χ² by itself is known after one pass; pairs whose two effects add up to what is wanted are tried.
    """
    moves = [(i, j, step) for i, j in np.ndindex(answers.shape) for step in (-1, 1) if 1 <= answers[i, j] + step <= 5]
    start = chi_square(correlation(answers))
    effect = np.empty(len(moves))
    for k, (i, j, step) in enumerate(moves):
        answers[i, j] += step
        effect[k] = chi_square(correlation(answers)) - start
        answers[i, j] -= step
    one, two = np.triu_indices(len(moves), 1)
    left = np.abs(effect[one] + effect[two] - (CHI_SQUARE - start))
    for pair in np.argsort(left, kind="stable")[:20_000]:
        tried = answers.copy()
        for i, j, step in (moves[one[pair]], moves[two[pair]]):
            tried[i, j] += step
        if meets(tried):
            return tried
    raise SystemExit("no two answers bring the last digits; take another seed")


def scores(answers: np.ndarray) -> np.ndarray:
    """Return the standardised varimax component scores, a column per construct in the order of PATHS."""
    solution = factor_analysis(moments(pd.DataFrame(answers, columns=NAMES)), len(ITEMS), method="components", rotation="varimax")
    weights = score_weights(solution).drop(columns="item").to_numpy()
    standard = (answers - answers.mean(axis=0)) / answers.std(axis=0, ddof=1)
    loadings = solution.loadings.drop(columns="item").to_numpy()
    first = [NAMES.index(next(iter(items))) for items in ITEMS.values()]
    return (standard @ weights)[:, np.abs(loadings[first]).argmax(axis=1)]


def overall(components: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Return overall satisfaction whose correlations with the components are the published coefficients, and the answers moved.

    First single answers are moved until the coefficients are near; then, of many sets of three moves, one that brings the last
    digits is taken.
    """
    wanted = np.array(list(PATHS.values()))
    digit = np.array([0.0004 if len(str(value)) > 4 else 0.004 for value in wanted])  # within half a unit of the last printed one
    c = (components - components.mean(axis=0)) / components.std(axis=0)

    def miss(grades: np.ndarray) -> float:
        y = grades[:, 0] - grades[:, 0].sum() / len(grades)
        over = np.maximum(np.abs(c.T @ y / np.sqrt(len(y) * (y @ y)) - wanted) / 0.004 - 1, 0)
        return float(over @ over)

    for _ in range(40):
        noise = 0.1 * rng.standard_normal(len(c))
        start = Margin.of(*OVERALL, 1, 5).grade(c @ wanted / np.linalg.norm(wanted) + noise).astype(float)
        try:
            near = tune(start[:, None], miss, rng, 1, 5, enough=2.0, together=3, tries=3000)[0][:, 0]
        except OptionError:
            continue
        met = _three_moves(near, c, wanted, digit, rng)
        if met is not None:
            return met, int((met != start).sum())
    raise SystemExit("no answers have these coefficients; take another seed")


def _three_moves(
    y: np.ndarray, c: np.ndarray, wanted: np.ndarray, digit: np.ndarray, rng: np.random.Generator
) -> np.ndarray | None:
    """Return `y` with three answers moved by one grade so that its correlations with `c` are within `digit` of `wanted`."""
    moves = [(i, step) for i in range(len(y)) for step in (-1.0, 1.0) if 1 <= y[i] + step <= 5]
    row, step = (np.array(part) for part in zip(*moves, strict=True))
    three = rng.integers(0, len(moves), size=(500_000, 3))
    three = three[(np.diff(np.sort(row[three], axis=1), axis=1) > 0).all(axis=1)]
    total = y.sum() + step[three].sum(axis=1)
    squares = y @ y + (2 * y[row] * step + 1)[three].sum(axis=1)
    found = (c.T @ y)[:, None] + (c[row] * step[:, None]).T[:, three].sum(axis=2)
    found = found / np.sqrt(len(y) * (squares - total**2 / len(y)))
    met = np.flatnonzero((np.abs(found.T - wanted) < digit).all(axis=1))
    if not len(met):
        return None
    moved = y.copy()
    for k in three[met[0]]:
        moved[row[k]] += step[k]
    return moved


def main(folder: Path = HERE) -> None:
    """Write answers.csv (UTF-8 with a byte-order mark, which Excel needs to show Chinese) and truth.yml."""
    rng = np.random.default_rng(SEED)
    people = population()
    answers = draw(people, VALID, rng, exact=True).answers.to_numpy()
    near, _ = tune(answers, far, rng, 1, 5, enough=0.06, together=2)
    met = last_digits(near)
    satisfied, moved = overall(scores(met), rng)
    valid = pd.DataFrame(np.column_stack([met, satisfied]).astype(int), columns=[*NAMES, "overall"])
    invalid = pd.DataFrame([[grade] * (P + 1) for grade in (3, 4, 3, 5)], columns=valid.columns)
    everyone = pd.concat([valid, invalid.astype("Int64")], ignore_index=True).astype("Int64")
    everyone.loc[len(everyone)] = pd.NA  # came back blank
    everyone = everyone.sample(frac=1, random_state=rng).reset_index(drop=True)
    content = everyone[NAMES].astype(float).mean(axis=1).fillna(3.5) + rng.normal(0, 1.2, len(everyone))
    size = np.where(content.rank(method="first") > len(everyone) - LARGE, "large", "sme")
    returned = return_times(len(everyone), rng, "2008-04-07", 19).dt.strftime("%Y-%m-%d").to_numpy()
    out = pd.concat(
        [pd.DataFrame({"id": [f"B{i:03d}" for i in range(1, len(everyone) + 1)], "size": size, "returned": returned}), everyone],
        axis=1,
    )
    out.to_csv(folder / "answers.csv", index=False, encoding="utf-8-sig", lineterminator="\n")
    facts = {
        "loadings": {key: about[0] for items in ITEMS.values() for key, about in items.items()},
        "construct_correlation": BETWEEN,
        **people.truth,
        "coefficients_of_component_scores": PATHS,
        "answers_moved_to_meet_published_figures": {
            "items": int((met != answers).sum()),
            "of": int(met.size),
            "overall": moved,
        },
    }
    text = yaml.safe_dump(facts, allow_unicode=True, sort_keys=False, width=130)
    (folder / "truth.yml").write_text(
        "# What is true of the population behind answers.csv; written by make_data.py.\n" + text, "utf-8"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
