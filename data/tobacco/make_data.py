"""Make answers.csv, june.csv and truth.yml of the tobacco study: ``python data/tobacco/make_data.py [folder]``.

Cigarette retailers of one city, asked from outside in May and July 2013 and by the company itself in June. Nobody published the
answers; these are simulated so that the published figures (published.yml) come out, from a model that truth.yml keeps.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from csr_lib.simulate import Margin, Population, draw, leave_out, return_times

SEED = 2013
HERE = Path(__file__).parent

#: part -> item -> (mean, sd) on five grades in May
ITEMS = {
    "Supply": {"S1": (3.55, 1.05), "S2": (3.38, 1.12), "S3": (3.86, 0.93), "S4": (3.70, 0.98), "S5": (3.47, 1.08)},
    "Service": {"C1": (4.62, 0.62), "C2": (4.68, 0.58), "C3": (4.57, 0.66), "C4": (4.60, 0.64), "C5": (4.55, 0.68)},
    "Market": {"M1": (4.22, 0.80), "M2": (4.36, 0.72), "M3": (4.14, 0.86), "M4": (4.28, 0.78), "M5": (4.18, 0.83)},
}
OVERALL = (4.19, 0.73)
WITHIN, BETWEEN = 0.58, 0.34  # correlations of items of one part, and of two
WITH_OVERALL = {"Supply": 0.56, "Service": 0.40, "Market": 0.44}
CHANGE = {"Supply": 0.16, "Service": 0.05, "Market": 0.08}  # from May to July, in sd
NOT_UNDERSTOOD = {"2013-05": 0.485, "2013-06": 0.465, "2013-07": 0.455}  # of the supply policy: "nearly half"
SIZES = {"2013-05": 200, "2013-07": 200}
JUNE, JUNE_TOWN = 460, 174  # 174 : 286 is the printed 136 : 224, which add to 360 and not to 460

AREAS = {1: 0.30, 2: 0.20, 3: 0.18, 4: 0.17, 5: 0.15}
NETWORKS = {"town": 136 / 360, "rural": 224 / 360}
FORMATS = {"grocery": 0.62, "convenience": 0.17, "supermarket": 0.09, "liquor": 0.085, "mall": 0.025, "leisure": 0.01}
TIERS = {"A": 0.22, "B": 0.38, "C": 0.40}
#: (column, code) -> part -> shift in sd
DIFFERENCES = {
    ("tier", "C"): {"Supply": -0.45, "Market": -0.10},
    ("tier", "A"): {"Supply": 0.30},
    ("network", "rural"): {"Service": -0.22, "Supply": -0.10},
    ("area", 5): {"Supply": -0.25},
}
GOOD = (
    "客户经理上门勤，态度好",
    "送货准时，从来不误",
    "访销员讲解耐心",
    "电话订货方便",
    "送货员帮忙搬货上架，很感谢",
    "服务态度没得说",
    "投诉回复快",
    "新商盟网上订货好用",
    "客户经理会教我们陈列",
    "市场打假力度大，假烟少了",
    "卷烟质量有保证",
    "专卖检查人员文明执法",
    "明码标价做得好",
    "卡奖和积分活动不错",
    "送货上门风雨无阻",
    "有事打电话都能找到人",
    "客户经理经常讲经营知识",
)
WISHES = (
    "紧俏烟太少，顾客来了没货",
    "希望多供应畅销品牌",
    "货源分配不透明，不知道怎么定的量",
    "货源供应政策看不懂，希望讲清楚",
    "档位评定标准不清楚",
    "好卖的烟每次只给两条",
    "搭配滞销烟太多，压资金",
    "价格倒挂，卖一包亏一包",
    "毛利太低，<10% 划不来",
    "利润越来越薄，房租涨了",
    "乡下送货周期长，希望一周两次",
    "无证户还在卖烟，要管",
    "流动摊贩扰乱市场价格",
    "大户低价窜货，小店没法卖",
    "建议公开每周货源投放量",
    "新品太多，顾客不认",
    "订货系统高峰期太慢",
    "希望紧俏烟能轮流供应 & 提前通知",
    "小盒条码扫不出来",
    "节假日前货源要备足",
    "货源和档位要“公开、公平、公正”",
    "<b>紧俏烟</b>给多一点",
    "=SUM(货源) 每周都不够",
    '希望 "定量" 能调高',
    "<script>alert('货源')</script> 网上订货页面弹出这样的字",
    "退换破损烟手续麻烦",
    "客户经理换得太勤",
    "请打 13800138000 告诉我档位",
    "结算扣款时间太早",
    "希望组织到外地学习",
    "促销品希望均匀发放",
    "天价烟管得严，高档烟卖不动",
)


def population() -> Population:
    """Return what is true in May: three parts of five items that hang together, and overall satisfaction."""
    owner = {item: part for part, items in ITEMS.items() for item in items}
    names = [*owner, "overall"]
    r = pd.DataFrame(BETWEEN, index=names, columns=names)
    for a in names:
        for b in names:
            if a == b:
                r.loc[a, b] = 1.0
            elif "overall" in (a, b):
                r.loc[a, b] = WITH_OVERALL[owner[a if b == "overall" else b]]
            elif owner[a] == owner[b]:
                r.loc[a, b] = WITHIN
    margins = {item: Margin.of(*about, 1, 5) for items in ITEMS.values() for item, about in items.items()}
    return Population.from_correlation(r, margins | {"overall": Margin.of(*OVERALL, 1, 5)})


def strata(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return who was asked, in proportion to the strata (the largest remainder goes up), in random order."""
    columns = {}
    for name, shares in (("area", AREAS), ("network", NETWORKS), ("format", FORMATS), ("tier", TIERS)):
        exact = np.array(list(shares.values())) * n
        counts = np.floor(exact).astype(int)
        counts[np.argsort(counts - exact)[: n - counts.sum()]] += 1
        columns[name] = rng.permutation(np.repeat(list(shares), counts))
    return pd.DataFrame(columns)


def shifts(who: pd.DataFrame, change: float) -> pd.DataFrame:
    """Return how far each respondent's items lie above or below those of May, in sd."""
    out = pd.DataFrame(0.0, index=who.index, columns=[*(i for items in ITEMS.values() for i in items), "overall"])
    for part, items in ITEMS.items():
        size = pd.Series(change * CHANGE[part], index=who.index)
        for (column, code), by_part in DIFFERENCES.items():
            size += by_part.get(part, 0.0) * (who[column] == code)
        for item in items:
            out[item] = size
        out["overall"] += size * WITH_OVERALL[part] / 1.4
    return out


def exactly(n: int, share: float, rng: np.random.Generator, weight: np.ndarray) -> np.ndarray:
    """Return a flag for `share` of n respondents, more often where `weight` is large."""
    chosen = rng.choice(n, size=round(share * n), replace=False, p=weight / weight.sum())
    return np.isin(np.arange(n), chosen)


def ratings(who: pd.DataFrame, wave: str, rng: np.random.Generator) -> pd.DataFrame:
    """Return the fifteen items, overall satisfaction and whether the supply policy is understood."""
    answers = draw(population(), len(who), rng, shifts(who, {"2013-05": 0.0, "2013-06": 0.5, "2013-07": 1.0}[wave])).answers
    not_understood = exactly(len(who), NOT_UNDERSTOOD[wave], rng, 6.5 - answers[list(ITEMS["Supply"])].mean(axis=1).to_numpy())
    items = [c for c in answers if c != "overall"]
    answers = leave_out(answers, rng, share=0.011, skippers=0.07, columns=items)
    well = rng.random(len(who)) < 0.38
    return answers.assign(policy=np.where(not_understood, 3, np.where(well, 1, 2)))


def others(who: pd.DataFrame, answers: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return the thirteen items on profit, what was asked besides, and the open answers."""
    n = len(who)
    size = who["tier"].map({"A": 1.7, "B": 1.0, "C": 0.55}).to_numpy()
    out = pd.DataFrame(index=who.index)
    out["B1"] = (rng.lognormal(np.log(15000), 0.45, n) * size / 100).round().astype(int) * 100  # monthly sales, yuan
    out["B2"] = np.clip(rng.normal(9.1, 1.9, n), 3, 18).round(1)  # gross margin, percent
    out["B3"] = (out["B1"] * out["B2"] / 1000).round().astype(int) * 10  # monthly gross profit, yuan
    out["B4"] = np.clip(rng.normal(34, 14, n), 5, 90).round(-1).astype(int)  # share of cigarettes in sales, percent
    out["B5"] = rng.integers(1, 5, n) + (who["network"] == "rural").to_numpy()  # weeks' stock
    out["B6"] = rng.choice([1, 2, 3], n, p=[0.24, 0.49, 0.27])  # profit against last year: up, same, down
    out["B7"] = rng.choice([1, 2, 3], n, p=[0.58, 0.31, 0.11])  # sells at the marked price: always, mostly, seldom
    out["B8"] = rng.choice([1, 2, 3, 4], n, p=[0.09, 0.36, 0.38, 0.17])  # best-selling price class
    out["B9"] = rng.choice([1, 2, 3, 4], n, p=[0.46, 0.24, 0.18, 0.12])  # what depresses profit most
    out["B10"] = rng.choice([1, 2], n, p=[0.33, 0.67])  # brands sold below cost
    out["B11"] = rng.choice([1, 2, 3], n, p=[0.21, 0.52, 0.27])  # cash tied up in stock
    out["B12"] = rng.choice([1, 2, 3], n, p=[0.30, 0.51, 0.19])  # expects to earn next year
    out["B13"] = rng.choice([1, 2], n, p=[0.88, 0.12])  # will go on selling cigarettes
    chance = 1 / (1 + np.exp(0.4 + 0.9 * (answers["overall"].to_numpy() - 2.5)))
    out["complained"] = (rng.random(n) < chance).astype(int)
    out["handled"] = np.where(out["complained"] == 1, rng.choice([1, 2, 3], n, p=[0.62, 0.27, 0.11]), np.nan)
    out["handled"] = out["handled"].astype("Int64")
    ways = ("客户经理", "新商盟网站", "手机短信", "宣传单", "其他零售户")
    picks = rng.random((n, len(ways))) < (0.83, 0.41, 0.35, 0.18, 0.13)
    out["channels"] = ["┋".join(w for w, p in zip(ways, row, strict=True) if p) or ways[0] for row in picks]
    supply = answers[["S1", "S2", "S5"]].astype(float).mean(axis=1).fillna(3.5).to_numpy()
    good = rng.choice(GOOD, n, p=_falling(len(GOOD)))
    wishes = np.array([rng.choice(WISHES, p=_falling(len(WISHES), 0.97 if s > 3.5 else 0.92)) for s in supply])
    out["best"] = np.where(rng.random(n) < 0.34, good, "")
    out["improve"] = np.where(rng.random(n) < 0.62 - 0.08 * supply, wishes, "")
    return out


def _falling(count: int, ratio: float = 0.95) -> np.ndarray:
    weights = ratio ** np.arange(count)
    return weights / weights.sum()


def outside(wave: str, rng: np.random.Generator) -> pd.DataFrame:
    """Return one of the two surveys from outside."""
    n = SIZES[wave]
    who = strata(n, rng)
    answers = ratings(who, wave, rng)
    day = return_times(n, rng, f"{wave}-13", 12).dt.strftime("%Y-%m-%d").to_numpy()
    ident = [f"{wave[-1]}{i:03d}" for i in range(1, n + 1)]
    return pd.concat([pd.DataFrame({"id": ident, "wave": wave, "visited": day}), who, answers, others(who, answers, rng)], axis=1)


def inside(rng: np.random.Generator) -> pd.DataFrame:
    """Return the company's own survey of June: by phone and visit, the fifteen items and the policy only."""
    who = strata(JUNE, rng)[["area", "tier"]]
    who.insert(1, "network", rng.permutation(np.repeat(["town", "rural"], [JUNE_TOWN, JUNE - JUNE_TOWN])))
    mode = np.where(rng.random(JUNE) < np.where(who["network"] == "town", 0.35, 0.68), "phone", "visit")
    answers = ratings(who, "2013-06", rng)
    ident = [f"N{i:03d}" for i in range(1, JUNE + 1)]
    return pd.concat([pd.DataFrame({"id": ident, "mode": mode}), who, answers], axis=1)


def main(folder: Path = HERE) -> None:
    """Write answers.csv and june.csv (UTF-8 with a byte-order mark, which Excel needs to show Chinese) and truth.yml."""
    rng = np.random.default_rng(SEED)
    csv = {"index": False, "encoding": "utf-8-sig", "lineterminator": "\n"}
    pd.concat([outside(w, rng) for w in SIZES], ignore_index=True).to_csv(folder / "answers.csv", **csv)
    inside(rng).to_csv(folder / "june.csv", **csv)
    truth = {
        "means_in_may": {item: about[0] for items in ITEMS.values() for item, about in items.items()} | {"overall": OVERALL[0]},
        "correlation_within_a_part": WITHIN,
        "correlation_between_parts": BETWEEN,
        "correlation_with_overall": WITH_OVERALL,
        "change_to_july_in_sd": CHANGE,
        "differences_in_sd": {f"{column} = {code}": by for (column, code), by in DIFFERENCES.items()},
        "policy_not_understood": NOT_UNDERSTOOD,
    }
    text = yaml.safe_dump(truth, allow_unicode=True, sort_keys=False, width=130)
    (folder / "truth.yml").write_text(
        "# What is true of the population behind answers.csv and june.csv; written by make_data.py.\n" + text, "utf-8"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
