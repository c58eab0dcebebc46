"""Frames and labels in, figures and three-line tables out. Nothing here knows a Survey or computes a statistic."""

from __future__ import annotations

from csr_lib.show.figure import Drawing, Figure
from csr_lib.show.tables import Table, three_line

__all__ = ["Drawing", "Figure", "Table", "three_line"]
