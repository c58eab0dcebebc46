"""Everything about files: study.yml, the answers, their coding, cleaning and weights."""

from csr_lib.study.groups import Group, Groups
from csr_lib.study.opening import StudyCheck, check_study, open_study
from csr_lib.study.schema import Study, schema_json
from csr_lib.study.survey import Survey
from csr_lib.study.withholding import withhold, withhold_rows

__all__ = [
    "Group",
    "Groups",
    "Study",
    "StudyCheck",
    "Survey",
    "check_study",
    "open_study",
    "schema_json",
    "withhold",
    "withhold_rows",
]
