"""A small study that tests write to disk, and one that uses every key of the format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

SMALL = """\
id: small
title: Small
answers: answers.csv
scale: {min: 1, max: 5, labels: {zh: [很不满意, 不满意, 一般, 满意, 很满意], en: [very bad, bad, fair, good, very good]}}
indicators: [a, b]
"""

FULL = """\
format: 1
id: full
title: {zh: 全部键, en: Every key}
source: {zh: 模拟, en: Simulated}
simulated: true
answers: [{file: a.csv, wave: "2012"}, {file: b.csv, wave: 2013, role: customer, encoding: utf-8}]
encoding: auto
respondent: id
role: {column: who, values: {客户: customer, 管理者: management, 员工: staff, 使用者: user}}
wave: {order: ["2012", "2013"], periods: {"2012": [2012-01-01, 2012-12-31], "2013": [2013-01-01, 2013-12-31]}, panel: false}
segments:
  region: {label: {zh: 地区, en: Region}, values: {1: {zh: 北, en: North}, 2: {zh: 南, en: South}}}
  tier: {label: {zh: 客户等级, en: Tier}, order: [strategic, key, general, potential]}
  age: {label: {zh: 年龄, en: Age}, bins: [20, 30, 40, 50]}
  market:
submitted: finished_at
seconds: duration
verbatims: [comment]
questions:
  use: {label: {zh: 使用方式, en: Used for}, type: multi, separator: "┋"}
  tools: {type: multi, columns: [U1, U2]}
  visits: {type: number}
  why: {type: text}
  channel: {values: {1: App, 2: Shop}}
weighting: {margins: {region: {1: .4, 2: .6}}, trim: 5}
weight_kind: sampling
sampling:
  issued: 500
  issued_by: {region: {1: 200, 2: 300}}
  returned: 480
  population: 3800
  strata: region
  quotas: {region: {1: 170, 2: 260}}
  outcomes: {I: 430, P: 50, R: 12, NC: 8, O: 0, UH: 0, UO: 0, e: 0.5}
  per_wave: {"2013": {issued: 250, returned: 240}}
cleaning:
  speeder: 120
  straight_line: 0.9
  attention: {Q9: 3}
  exclude: [duplicate, attention, c1]
  contradictions: [{id: c1, if: {again: [1]}, and: {overall: [1, 2]}}]
missing: [99, 不清楚]
missing_rule: pairwise
min_cell: 5
scale:
  min: 1
  max: 5
  measure: ordinal
  labels: {zh: [很不满意, 不满意, 一般, 满意, 很满意], en: [very dissatisfied, dissatisfied, neutral, satisfied, very satisfied]}
indicators:
  safety:
    label: {zh: 供电安全性, en: Safety of supply}
    perception: P1
    importance: {column: I1, scale: {min: 1, max: 10}}
    expectation: {customer: E1, management: ME1}
    adequate: A1
    competitors: {Rival: R1}
    points: 10
    scale: {min: 1, max: 10}
    missing: [99]
    reverse: true
  IMAG1: {label: {zh: 值得信赖, en: Trustworthy}}
  short: S1
  bare:
constructs:
  Reliability: {label: {zh: 信赖度, en: Reliability}, indicators: [safety, IMAG1], mode: A, points: 32}
  Empathy: [short]
  Service: {of: [Reliability, Empathy], points: 40, mode: reflective}
  Price: {indicators: bare, points: 60, mode: B}
competition: {brand: brand_rated, us: Us, shares: {Us: .3, Rival: .2}}
outcomes:
  satisfaction: {column: overall, scale: {min: 1, max: 10}, top: 2}
  expectation_met: met
  loyalty: Reliability
  repurchase: again
  recommendation: nps
  complaint: {column: complained, yes: [1]}
  defect: {column: problem, yes: 1}
  contribution: revenue
model: {paths: {Reliability: [Empathy], Empathy: Price}, target: Price}
hypotheses:
  - {id: H1, from: Reliability, to: Price, sign: +, text: {zh: 正向, en: positive}}
  - {id: H2, from: Empathy, to: Price, sign: "-"}
rollup: {levels: [region, market], shares: {region: {1: .4, 2: .6}}}
markets: {segment: market, competitiveness: {retail: 5, telecom: 1}}
standards: {safety: 4.5}
promises: {safety: 4.6}
evaluation:
  grades: [1, 2, 3, 4, 5]
  experts: {e1: {Service: 40, Price: 60}}
  ahp: {goal: {e1: [[1, 3], [0.3333, 1]]}, Reliability: {e1: [[1, 1/5], [5, 1]]}}
targets: {satisfaction: 85, safety: {"2013": 90}}
benchmarks: {industry: 74.5}
operations:
  file: operations.csv
  columns: {time: t, respondent: id, tier: tier}
  metrics:
    kept: {label: {zh: 履约率, en: Kept}, kind: rate, numerator: {kept: [1]}, denominator: {appointed: [1]}, target: .95}
    repair: {label: Repair, kind: duration, from: reported, to: solved, by: type, limit: 24h, statistic: mean, target: 6h}
    tickets: {kind: count, where: {type: [fault]}}
    cost: {kind: value, column: cost, statistic: sum}
warnings: {quality: {measure: repair, better: low, tiers: {strategic: {yellow: 5h, orange: 6h, red: 8h}}}}
analyses:
  importance_performance: {importance: relative_weights, cut: mean}
  gap: {}
  index:
notes: {zh: 说明, en: Notes}
"""


@pytest.fixture
def small() -> str:
    """Text of a study of two indicators on a five-point scale, answers in answers.csv."""
    return SMALL


@pytest.fixture
def full() -> str:
    """Text of a study.yml that uses every key."""
    return FULL


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Write a study.yml and its files into a folder; return the folder."""

    def write(study: str, **files: str | bytes) -> Path:
        (tmp_path / "study.yml").write_text(study, encoding="utf-8")
        for name, content in files.items():
            path = tmp_path / name.replace("__", ".")
            path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return tmp_path

    return write
