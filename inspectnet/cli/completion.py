"""What the shell completes: the layers of the model that a command line names."""

from pathlib import Path

import typer

MODELS = ("model", "models", "checkpoints")  # arguments of commands


def complete_layer(context: typer.Context, incomplete: str) -> list[str]:
    """The layers, by all their names, that begin so; none if the model cannot be opened, in silence."""
    said = next((value for name in MODELS if (value := context.params.get(name))), None)
    # an option without its value ends the parsing, and what stood before it is left as it was
    paths = [*(said if isinstance(said, list | tuple) else [said] if said else []), *context.args]
    try:
        return [name for name in _names(Path(paths[0])) if name.startswith(incomplete)]
    except Exception:  # in completion nobody reads a message, and it would break the line that is being written
        return []


def _names(path: Path) -> list[str]:
    from inspectnet.opening import open_network

    layers = open_network(sorted(path.glob("*.onnx"))[-1] if path.is_dir() else path, device="cpu").layers
    return list(dict.fromkeys(name for layer in layers for name in (layer.name, *layer.aliases)))
