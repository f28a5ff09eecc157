"""Verdicts for people and programs: a table, Markdown, JUnit XML, JSON, annotations of GitHub Actions."""

from runner.report.formats import annotations as annotations
from runner.report.formats import junit as junit
from runner.report.formats import told as told
from runner.report.markdown import markdown as markdown
from runner.report.report import Report as Report
from runner.report.wording import COLUMNS as COLUMNS
from runner.report.wording import EXPENDABLE as EXPENDABLE
from runner.report.wording import STYLES as STYLES
from runner.report.wording import cells as cells
from runner.report.wording import line as line
from runner.report.wording import number as number
from runner.report.wording import outcome as outcome
from runner.report.wording import sentence as sentence
from runner.report.wording import signed as signed
