"""Where the results of a command go, and what makes its run another than one that was there before."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inspectnet.cli import options
from inspectnet.cli.telling import remark
from inspectnet.errors import OptionError

if TYPE_CHECKING:
    from inspectnet.network import Network
    from inspectnet.report.folder import OutputFolder

INDIFFERENT = ("out", "overwrite", "format", "as_json", "batch_size", "threads")  # options that change no result

request: ContextVar[tuple[str, Mapping[str, Any]]] = ContextVar("request")
"""The command that runs, and all its options."""

Out = Annotated[Path | None, options.out_folder("A folder for the results; by default out/MODEL/COMMAND.")]

Format = Annotated[str, typer.Option(metavar="png,svg,pdf", help="The form of figures; several by commas.")]


@dataclass(frozen=True)
class Destination:
    """Where results go."""

    out: Out = None
    overwrite: options.Overwrite = False
    format: Format = "png"

    @contextmanager
    def folder(self, default: str, record: str, networks: Sequence["Network"]) -> Iterator["OutputFolder"]:
        """The folder for results, by default one for the models of that name; says so if it is not the one asked for.

        record: the file that tells of the run. Raises OutputError.
        """
        from inspectnet.report.folder import output_folder

        command, said = request.get()
        path = self.out or options.RESULTS / default / command
        chosen = {name.rstrip("_"): value for name, value in said.items() if name not in INDIFFERENT}
        claim = {"command": command, "options": chosen, "models": [network.sha256 for network in networks]}
        with output_folder(path, record, claim, overwrite=self.overwrite, forms=self._forms()) as folder:
            if folder.path != path:
                what = f"{path} holds the results of another run, so these go to {folder.path}"
                remark(f"{what} (--overwrite replaces them)")
            yield folder

    def _forms(self) -> list[str]:
        """The forms in which figures are written. Raises OptionError for an unknown one."""
        from inspectnet.figures.encoding import FORMATS

        forms = [form.strip().lower() for form in self.format.split(",")]
        if strange := [form for form in forms if form not in FORMATS]:
            raise OptionError(f"--format '{strange[0]}' is none of {', '.join(FORMATS)}. Several are joined by commas.")
        return list(dict.fromkeys(forms))
