"""The inverse of a network as a file."""

from pathlib import Path

from inspectnet.arguments import checks_arguments
from inspectnet.errors import OptionError
from inspectnet.methods import policy_of
from inspectnet.network import Network
from inspectnet.rules import Policy


@checks_arguments
def invert(
    network: Network,
    layer: str,
    out: str | Path,
    *,
    method: str | Policy = "deconvnet",
    split: bool = False,
    force: bool = False,
) -> dict[Path, tuple[list[str], list[str]]]:
    """Write the inverse from a layer down to pixels as ONNX that any runtime runs; gives each file's inputs, outputs.

    layer: conv5:pre starts at the raw sums before the activation. split: two files, OUT.forward.onnx and
    OUT.backward.onnx. force: other files may be replaced. Raises LayerError, OptionError, RuleError, OutputError.
    """
    file, unit = onnx_file(out), network.address(layer)
    if unit.map is not None:
        whole = f"{unit.layer}{':pre' * unit.pre}"
        raise OptionError(f"'{layer}' is one unit; the file takes seeds of a whole layer. Say {whole}.")
    return network.inverse(policy_of(method)).save(unit.layer, file, pre=unit.pre, split=split, force=force)


def onnx_file(out: str | Path) -> Path:
    """The file to write, if its name can be one of a model. Raises OptionError."""
    if Path(out).suffix != ".onnx":
        raise OptionError(f"'{out}' is not the name of an .onnx file. Give one, as inverse.onnx.")
    return Path(out)
