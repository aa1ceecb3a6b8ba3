"""The command line: parse, one analysis, report. The only place that turns errors into exit codes."""

import contextlib
import errno
import os
import sys
from importlib import import_module
from typing import Annotated

import typer

from inspectnet import __version__
from inspectnet.cli.examples import EXAMPLES
from inspectnet.cli.option_groups import expose_options
from inspectnet.cli.options import Command, path_of
from inspectnet.cli.overview import show_overview
from inspectnet.cli.process import Ended, ending_in_order, open_nowhere, speaking_alone
from inspectnet.cli.remarks import remark_notes
from inspectnet.errors import InspectError, OutputError, blame
from inspectnet.files.inputs import forget_inputs
from inspectnet.report.lines import visible

DONE, FAILED, WRONG_INPUT, BUG, INTERRUPTED = 0, 1, 2, 3, 130
NO_MORE = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT)  # what a stdout says that is closed or full

app = typer.Typer(
    name="inspectnet",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for name in EXAMPLES:
    command = getattr(import_module(f"inspectnet.cli.{name}"), name)
    app.command(cls=Command, short_help=(command.__doc__ or "").split("\n")[0])(expose_options(command))


def _version(wanted: bool) -> None:
    if wanted:
        print(f"inspectnet {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Open any ONNX image CNN and see what it has learnt."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; gives the exit code: 0 done, 1 a check failed, 2 wrong input, 3 a bug of ours.

    An error is one line on stderr: what, where, what to do. Only --debug shows a traceback, and what libraries say.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments
    # wherever it stands: people add it at the end of the line that failed
    arguments = ["--debug"] * debug + [a for a in arguments if a != "--debug"]
    forget_inputs()
    remark_notes()
    with ending_in_order() as raised, contextlib.nullcontext() if debug else speaking_alone():
        return _run(arguments, debug, raised)


def _run(arguments: list[str], debug: bool, raised: list[BaseException]) -> int:
    """raised: what signals have raised so far."""
    try:
        if sys.stdout is None:
            raise OutputError("the standard output is closed. Send it somewhere, if only to /dev/null.")
        if len(arguments) == 1 + debug and arguments[-1].endswith(".onnx"):  # the model alone, and no command
            show_overview(path_of(arguments[-1]))
            return DONE
        result = app(arguments or ["--help"], prog_name="inspectnet", standalone_mode=False)
        sys.stdout.flush()  # here, where a full disk can still be told
        if result == INTERRUPTED:  # typer gives the code of an interruption back
            raise KeyboardInterrupt
    except BaseException as told:
        error = raised[0] if raised else told
        if debug and isinstance(error, Exception) and not hasattr(error, "format_message"):
            raise
        text, code = _explain(error)
        if text and sys.stderr:
            with contextlib.suppress(OSError):  # of a stderr that takes no more nobody can be told
                print(f"inspectnet: {visible(' '.join(text.split()))}", file=sys.stderr, flush=True)
        return code
    return result if isinstance(result, int) else DONE


def _output_error(error: BaseException | None) -> OSError | None:
    """The error of a stdout that takes no more; those of files are OutputErrors by now."""
    if isinstance(error, SystemExit):  # what the parser makes of a broken pipe
        error = error.__context__
    lost = isinstance(error, OSError) and error.filename is None and error.errno in NO_MORE
    return error if lost and isinstance(error, OSError) else None


def _leave_stdout() -> None:
    """Send what is still waiting for stdout nowhere, or Python complains of it at its end."""
    with contextlib.suppress(OSError, ValueError), open_nowhere() as nowhere:  # one that is no file has nothing to lose
        os.dup2(nowhere, sys.stdout.fileno())


def _explain(error: BaseException) -> tuple[str, int]:
    """The one line and the exit code for an error."""
    if isinstance(error, Exception):
        error = blame(error, "the model") or error  # where no network was asked, as in what it gave away
    if isinstance(error, InspectError):
        return str(error), WRONG_INPUT
    if lost := _output_error(error):
        _leave_stdout()
        why = f"cannot write to the standard output: {(lost.strerror or '').lower()}. Send it elsewhere."
        return "" if lost.errno == errno.EPIPE else why, WRONG_INPUT  # whoever closes a pipe has read enough
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return "interrupted", INTERRUPTED
    if isinstance(error, Ended):
        return "ended by a signal", error.code
    if isinstance(error, (typer.Exit, SystemExit)):
        return "", int(getattr(error, "exit_code", None) or getattr(error, "code", None) or DONE)
    if hasattr(error, "format_message"):  # the parser's own, which typer carries under changing names
        context = getattr(error, "ctx", None)
        more = f" See {context.command_path} --help." if context else ""
        return f"{error.format_message().rstrip('.')}.{more}", WRONG_INPUT
    if isinstance(error, MemoryError):
        return "out of memory. Try fewer images or maps, or a smaller --batch-size.", WRONG_INPUT
    return f"{type(error).__name__}: {error}. This is a bug of inspectnet; --debug shows where.", BUG
