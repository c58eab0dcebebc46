"""The command line: ``csr report | reports | check | blank | plan | schema``.

A thin skin; what it calls can be called from Python too.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from csr_lib import __version__
from csr_lib.analyses import ANALYSES
from csr_lib.core.errors import CsrError, OptionError, StudyError

if TYPE_CHECKING:
    from csr_lib.report import Outcome

OK, FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130
_LANGS = ("zh", "en")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0: done. 1: a report failed, or a study has problems. 2: wrong use, or an input that cannot be worked on.
    """
    args = _parser().parse_args(argv)
    try:
        return int(args.run(args))
    except CsrError as error:
        print(f"csr: {error}", file=sys.stderr)
        return FAILED if type(error).__name__ == "ReportError" else WRONG_USE
    except OSError as error:
        print(f"csr: {error.strerror or error}: {error.filename or ''}".rstrip(": "), file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("csr: interrupted", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="csr", description="Customer satisfaction research: from a questionnaire's answers and a study.yml to a report."
    )
    parser.add_argument("--version", action="version", version=f"csr_lib {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    report = commands.add_parser("report", help="make one report", description="Make one report: a page and a workbook.")
    report.add_argument("analysis", metavar="ANALYSIS", help=", ".join(ANALYSES))
    report.add_argument("--study", required=True, type=Path, metavar="FILE", help="study.yml, or the folder that holds it")
    report.add_argument("--lang", choices=_LANGS, default="zh", help="language of the report (default: zh)")
    report.add_argument(
        "-p",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="parameters",
        help="a parameter of the notebook; may be repeated",
    )
    _where(report)
    report.set_defaults(run=_report)

    reports = commands.add_parser(
        "reports", help="make all reports of studies", description="Make every report that the studies name under `analyses`."
    )
    reports.add_argument(
        "studies", nargs="*", type=Path, metavar="STUDY", help="study.yml files or their folders (default: data/*/study.yml)"
    )
    reports.add_argument("--lang", choices=_LANGS, action="append", help="only this language (default: both)")
    reports.add_argument("--jobs", type=int, default=2, metavar="N", help="how many at a time (default: 2)")
    _where(reports)
    reports.set_defaults(run=_reports)

    check = commands.add_parser(
        "check",
        help="check a study and its answers",
        description="List every problem of a study.yml and its answers, and which analyses the study can feed.",
    )
    check.add_argument("study", type=Path, metavar="FILE", help="study.yml, or the folder that holds it")
    check.add_argument("--lang", choices=_LANGS, default="en", help="language of headings and names (default: en)")
    check.set_defaults(run=_check)

    blank = commands.add_parser(
        "blank",
        help="write a blank questionnaire and empty answers files",
        description="Write, from study.yml alone, a blank questionnaire to print or to fill in on a phone, and the empty answers "
        "files (CSV, and a workbook with a codebook). Nothing is overwritten.",
    )
    blank.add_argument("study", type=Path, metavar="FILE", help="study.yml, or the folder that holds it")
    blank.add_argument("--lang", choices=_LANGS, help="only this language (default: both)")
    blank.add_argument("--out", type=Path, metavar="DIR", help="where to (default: the folder of study.yml)")
    blank.set_defaults(run=_blank)

    _plan_parser(
        commands.add_parser(
            "plan",
            help="how many answers a wanted margin needs",
            description="Say how many answers a wanted margin of error needs, in all and by stratum.",
        )
    )

    schema = commands.add_parser(
        "schema", help="write the JSON schema of study.yml", description="Write the JSON schema of study.yml."
    )
    schema.add_argument("--out", type=Path, metavar="FILE", help="where to (default: the terminal)")
    schema.set_defaults(run=_schema)
    return parser


def _plan_parser(plan: argparse.ArgumentParser) -> None:
    plan.add_argument("study", type=Path, metavar="FILE", help="study.yml, or the folder that holds it")
    wanted = plan.add_mutually_exclusive_group()
    wanted.add_argument(
        "--margin", type=float, default=0.05, metavar="SHARE", help="of a share: .05 is ±5 percentage points (default)"
    )
    wanted.add_argument(
        "--points", type=float, metavar="POINTS", help="instead: of the satisfaction score, points of 0–100; needs answers"
    )
    plan.add_argument(
        "--share",
        type=_share,
        default=0.5,
        help="expected share (default: .5, the most careful), or `answers`: as in the answers",
    )
    plan.add_argument("--level", type=float, default=0.95, help="confidence (default: .95)")
    plan.add_argument("--design-effect", type=float, metavar="X", help="default: that of the answers' weights, else 1")
    plan.add_argument("--response-rate", type=float, metavar="SHARE", help="default: as known from `sampling`, else 1")
    plan.add_argument("--population", type=int, metavar="N", help="default: that of `sampling`, else unbounded")
    plan.add_argument("--strata", metavar="SEGMENT", help="default: that of `sampling`; '' for none")
    plan.add_argument("--lang", choices=_LANGS, default="en", help="language (default: en)")
    plan.set_defaults(run=_plan)


def _share(given: str) -> Any:
    return given if given == "answers" else float(given)


def _where(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, default=Path("reports"), metavar="DIR", help="where to put reports (default: reports)"
    )
    parser.add_argument("--notebooks", type=Path, metavar="DIR", help="where the notebooks are (default: the project's)")


def _report(args: argparse.Namespace) -> int:
    from csr_lib.report import make_report

    page = make_report(args.analysis, args.study, args.lang, args.out, _parameters(args.parameters), notebooks=args.notebooks)
    print(page)
    print(page.with_suffix(".xlsx"))
    return OK


def _parameters(given: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in given:
        name, equals, value = entry.partition("=")
        if not equals:
            raise OptionError(f"'{entry}' has no '='", where="-p", allowed="NAME=VALUE")
        if name in found:
            raise OptionError(f"'{name}' is given twice", where="-p", mend="give it once")
        found[name] = value
    return found


def _reports(args: argparse.Namespace) -> int:
    from csr_lib.report import jobs_of, make_reports

    studies = args.studies or sorted(Path("data").glob("*/study.yml"))
    if not studies:
        raise OptionError("no study found", where="data", allowed="data/<study>/study.yml", mend="name the study.yml files")
    jobs, broken = [], []
    for study in studies:
        try:
            jobs += jobs_of(study, args.out, args.lang or _LANGS, args.notebooks)
        except CsrError as error:
            broken.append((str(study), str(error)))
    count = 0

    def tell(outcome: Outcome) -> None:
        nonlocal count
        count += 1
        done = f"{outcome.seconds:.1f} s" if outcome.page else "failed"
        print(f"[{count}/{len(jobs)}] {outcome.job}: {done}", file=sys.stderr, flush=True)

    outcomes = make_reports(jobs, args.jobs, tell)
    for outcome in outcomes:
        if outcome.page:
            print(outcome.page)
    failures = [*broken, *((str(o.job), o.error) for o in outcomes if not o.page)]
    for name, said in failures:
        print(f"csr: {name}: {said}", file=sys.stderr)
    if failures:
        print(f"csr: {len(failures)} failed, {len(outcomes) - len(failures) + len(broken)} made", file=sys.stderr)
    return FAILED if failures else OK


def _check(args: argparse.Namespace) -> int:
    from csr_lib.core.text import text
    from csr_lib.report.feeding import feeding_table, feeds_of
    from csr_lib.report.terminal import table
    from csr_lib.study import check_study

    def t(key: str, **values: Any) -> str:
        return text(f"cli.{key}", args.lang, **values)

    found = check_study(args.study, lang=args.lang)
    if found.problems:
        rows = [(str(n), p.where, p.what, p.allowed, p.mend) for n, p in enumerate(found.problems, 1)]
        print(t("problems", n=len(rows)))
        print(table([t(f"column.{c}") for c in ("number", "where", "what", "allowed", "mend")], rows))
    elif found.survey is not None:
        source = found.survey.source()
        print(t("sound", study=source.title, n=found.survey.n, read=source.n_read))
        for rule, n in source.excluded.items():
            print(t("excluded", n=n, rule=text(f"study.rule.{rule}", args.lang)))
    if found.study is None:
        print(t("analyses_unknown"))
        return FAILED
    feeds = feeds_of(found.study)
    print("\n" + t("feeds"))
    print(feeding_table(feeds, args.lang))
    more = [feed.analysis for feed in feeds if feed.ready and not feed.asked]
    if more:
        print("\n" + t("ready_more", name=more[0], study=args.study))
    named = [feed.analysis for feed in feeds if feed.asked and not feed.ready]
    if named:
        print("\n" + t("named_but_lacking", names=named))
    return FAILED if found.problems or named else OK


def _blank(args: argparse.Namespace) -> int:
    from csr_lib.report.blank import write_blank

    for path in write_blank(args.study, args.lang, args.out):
        print(path)
    return OK


def _plan(args: argparse.Namespace) -> int:
    from csr_lib.core.text import text
    from csr_lib.report.planned import plan_text
    from csr_lib.study import check_study
    from csr_lib.study.planning import plan_sample

    found = check_study(args.study, lang=args.lang)
    if found.study is None:
        raise StudyError(found.problems)
    plan = plan_sample(
        found.study,
        found.survey,
        margin=args.margin if args.points is None else args.points,
        of="share" if args.points is None else "score",
        share=args.share,
        level=args.level,
        design_effect=args.design_effect,
        response_rate=args.response_rate,
        population=args.population,
        strata=args.strata,
    )
    print(plan_text(plan, found.study, args.lang))
    if found.survey is None:
        print("\n" + text("cli.plan.no_answers", args.lang, why=str(found.problems[0])))
    return OK


def _schema(args: argparse.Namespace) -> int:
    from csr_lib.study import schema_json

    content = json.dumps(schema_json(), ensure_ascii=False, indent=2) + "\n"
    if args.out is None:
        sys.stdout.write(content)
    else:
        args.out.write_text(content, encoding="utf-8")
        print(args.out)
    return OK
