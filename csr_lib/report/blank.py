"""What a study needs before anybody has answered: blank questionnaires and empty answers files, written to a folder."""

from __future__ import annotations

from pathlib import Path

from csr_lib.core.errors import OptionError
from csr_lib.core.text import LANGUAGES
from csr_lib.report.questionnaire import make_questionnaire
from csr_lib.study import Study
from csr_lib.study.blank import blank_answers
from csr_lib.study.questionnaire import roles_asked


def write_blank(study: str | Path, lang: str | None = None, out: str | Path | None = None) -> tuple[Path, ...]:
    """Write blank questionnaires, one per role that is asked, and the empty answers files; nothing is ever overwritten.

    Parameters
    ----------
    study : study.yml, or the folder that holds it. The answers need not be there.
    lang : ``zh`` or ``en`` questionnaires; both by default. The codebook of the answers is in the first of them.
    out : folder, made where there is none; by default that of study.yml.

    Returns
    -------
    The files written: ``questionnaire[.<role>].<lang>.html``, and for every file of answers that study.yml names a ``.csv``
    and an ``.xlsx`` of its name.

    Raises
    ------
    StudyError
        study.yml is wrong.
    OptionError
        A file of that name is there already; then nothing is written.
    """
    read = Study.load(study)
    langs = LANGUAGES if lang is None else (lang,)
    roles = roles_asked(read)
    pages = {
        f"questionnaire.{role}.{language}.html" if len(roles) > 1 else f"questionnaire.{language}.html": (language, role)
        for language in langs
        for role in roles
    }
    contents = blank_answers(read, langs[0])
    folder = Path(out) if out is not None else read.folder
    there = [name for name in (*pages, *contents) if (folder / name).exists()]
    if there:
        raise OptionError(
            f"there already: {', '.join(there)}",
            where=str(folder),
            allowed="a folder without files of these names; nothing is overwritten",
            mend="name another folder with --out, or move the files away",
        )
    contents = {name: make_questionnaire(read, *asked).encode("utf-8") for name, asked in pages.items()} | contents
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as stream:
            stream.write(content)
    return tuple(folder / name for name in contents)
