"""Readable cards of Study and Survey for Jupyter."""

from __future__ import annotations

from typing import Any


def role_label(role: str) -> dict[str, str]:
    return {"zh": role, "en": role}


def study_card(study: Any, lang: str) -> str:
    return ""


def survey_card(survey: Any, lang: str) -> str:
    return ""
