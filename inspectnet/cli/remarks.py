"""Remarks on stderr beside the results: one line each."""

import logging
import sys

import typer

from inspectnet.progress import LOG
from inspectnet.report.lines import fitted, visible


def remark(text: str, *, quiet: bool = False) -> None:
    """Say on stderr what a user should know; quiet: what is as it should be."""
    typer.secho(fitted(visible(text), sys.stderr), err=True, fg=None if quiet else "yellow", dim=quiet)


class _Remarks(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        remark(record.getMessage(), quiet=record.levelno < logging.WARNING)


def remark_notes() -> None:
    """From now on, say on stderr what analyses note."""
    LOG.setLevel(logging.INFO)
    LOG.propagate = False
    if not any(isinstance(handler, _Remarks) for handler in LOG.handlers):
        LOG.addHandler(_Remarks())
