"""Remarks on stderr beside the results: one line each."""

import typer

from inspectnet.report.lines import visible


def remark(text: str, *, quiet: bool = False) -> None:
    """Say on stderr what a user should know; quiet: what is as it should be."""
    typer.secho(visible(text), err=True, fg=None if quiet else "yellow", dim=quiet)
