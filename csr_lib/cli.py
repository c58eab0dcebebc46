"""The command line: ``csr report | reports | check | schema``. A thin skin; what it calls can be called from Python too."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from csr_lib import __version__
from csr_lib.analyses import ANALYSES
from csr_lib.core.errors import CsrError, OptionError, Problem

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

    schema = commands.add_parser(
        "schema", help="write the JSON schema of study.yml", description="Write the JSON schema of study.yml."
    )
    schema.add_argument("--out", type=Path, metavar="FILE", help="where to (default: the terminal)")
    schema.set_defaults(run=_schema)
    return parser


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
    lacking = {name: _lacks(name, found.study) for name in ANALYSES}
    states = [
        (name, text(f"analysis.{name}", args.lang), t("can" if not lacks else "cannot"), "\n".join(str(p) for p in lacks))
        for name, lacks in lacking.items()
    ]
    print("\n" + t("feeds"))
    print(table([t(f"column.{c}") for c in ("analysis", "title", "feeds", "lacks")], states))
    named = [name for name in found.study.analyses if lacking.get(name)]
    if named:
        print("\n" + t("named_but_lacking", names=named))
    return FAILED if found.problems or named else OK


def _lacks(name: str, study: Any) -> list[Problem]:
    from csr_lib.analyses import load

    lacks: list[Problem] = load(name).feeds(study)
    return lacks


def _schema(args: argparse.Namespace) -> int:
    from csr_lib.study import schema_json

    content = json.dumps(schema_json(), ensure_ascii=False, indent=2) + "\n"
    if args.out is None:
        sys.stdout.write(content)
    else:
        args.out.write_text(content, encoding="utf-8")
        print(args.out)
    return OK
