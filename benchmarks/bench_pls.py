"""Time what belongs to a path model besides its bootstrap: prediction, groups, higher-order constructs, criteria of fit.

    python benchmarks/bench_pls.py [--permutations 1000] [--repeat 5]

One core: BLAS threads are set to one before numpy is loaded. The answers are made to have exactly the moments of the European
mobile phone survey (tests/conformance/ecsi_mobile_moments.json). Compared to the same estimates in a plain Python loop.
"""

# ruff: noqa: E402 — threads are set before numpy is loaded
from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "conformance"))
from ecsi_mobile import FACTS, exact_answers, model

from csr_lib.core.model import Construct, Model
from csr_lib.stats.moments import moments, sample
from csr_lib.stats.pls import pls
from csr_lib.stats.pls_bootstrap import pls_bootstrap
from csr_lib.stats.pls_fit import pls_fit
from csr_lib.stats.pls_groups import pls_groups
from csr_lib.stats.pls_higher_order import pls_two_stage
from csr_lib.stats.pls_predict import pls_predict


def best(run: Callable[[], object], repeat: int) -> tuple[float, float]:
    """Least seconds on the clock and least seconds of the processor in `repeat` runs, after one that warms up."""
    run()
    clock, processor = [], []
    for _ in range(repeat):
        start, used = time.perf_counter(), time.process_time()
        run()
        clock.append(time.perf_counter() - start)
        processor.append(time.process_time() - used)
    return min(clock), min(processor)


def higher_order() -> Model:
    """The survey's model, in which quality and value are parts of one offer."""
    items = FACTS["constructs"]
    names = ("Image", "Quality", "Value", "Satisfaction", "Loyalty")
    constructs = (*(Construct(n, tuple(items[n])) for n in names), Construct("Offer", of=("Quality", "Value")))
    paths = (("Image", "Offer"), ("Offer", "Satisfaction"), ("Satisfaction", "Loyalty"), ("Image", "Loyalty"))
    return Model(constructs, paths, "Satisfaction")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--permutations", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    frame = exact_answers(250)
    answers, ecsi, offer = sample(frame), model(), higher_order()
    group = np.arange(250) % 2
    m, ends = moments(frame), (-50, 50)  # normal answers know no ends; any will do for the time
    fitted = pls(m, ecsi)
    one = best(lambda: pls(moments(frame), ecsi), options.repeat)[1]
    loops = {"predict": 100 * one, "groups": 2 * options.permutations * one}

    def run(what: Callable[[], object]) -> tuple[float, float]:
        return best(what, options.repeat)

    rows = [
        ("PLSpredict, 10 parts × 10 repeats, linear model (n = 250, 24 items)",
         run(lambda: pls_predict(answers, ecsi, seed=1)), f"target ≤ 1 s; {loops['predict']:.2f} s for its 100 fits one by one"),
        (f"two groups, {options.permutations:,} permutations: MICOM and path differences",
         run(lambda: pls_groups(answers, ecsi, group, permutations=options.permutations, seed=1)),
         f"{loops['groups']:.1f} s for the {2 * options.permutations:,} fits one by one"),
        ("higher-order construct in two stages", run(lambda: pls_two_stage(m, offer, limits=ends)), ""),
        ("  the same, 5,000 resamples through both stages",
         run(lambda: pls_bootstrap(answers, offer, limits=ends, resamples=5000, seed=1)), ""),
        ("criteria of fit of an estimate", run(lambda: pls_fit(fitted)), ""),
    ]  # fmt: skip
    width = max(len(what) for what, *_ in rows)
    print("Measured here, one core, best of", options.repeat)
    print(f"  {'':<{width}}      clock    processor")
    for what, (clock, processor), note in rows:
        print(f"  {what:<{width}}  {clock:>7.3f} s  {processor:>7.3f} s  {note}")


if __name__ == "__main__":
    main()
