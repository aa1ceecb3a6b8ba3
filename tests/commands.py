"""Commands to test: what one prints and writes, how one refuses, and little networks and photos to give them."""

import json

import jsonschema
import numpy as np
from nets import onnx_text
from PIL import Image

import inspectnet
from inspectnet.cli import main
from inspectnet.report.envelope import envelope_of, schema
from inspectnet.report.json_text import json_text

# How lines on stderr begin that say how a command opened the network, and how far it has come. "classes: " is not
# among them: it is progress of selectivity, but a remark of evaluate, which no other command makes.
OPENING = ("device: ", "preprocessing: ")
PROGRESS = (
    *OPENING,
    *("changing: ", "checking: ", "diagnosing: ", "evaluating: ", "explaining: ", "hiding: "),
    *(
        "occluding: ",
        "projecting: ",
        "scanning: ",
        "shuffling: ",
        "writing activations: ",
        "activations of ",
        "maxima of ",
    ),
)

# Running them ----------------------------------------------------------------------------------------------


def run(capsys, *arguments):
    """The exit code of a command, and what it writes to stdout and stderr."""
    code = main([str(a) for a in arguments])
    return code, *capsys.readouterr()


def done(capsys, *arguments):
    """What a command that goes well prints, and the lines that it says beside its progress."""
    code, out, err = run(capsys, *arguments)
    assert code == 0, err
    return out, [line for line in err.splitlines() if not line.startswith(PROGRESS)]


def refused(capsys, *arguments, after=()):
    """The one line with which a command refuses its input, having said only how it opened the network.

    after: how other lines before it may begin, where the work has begun by then.
    """
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, ""), err
    *others, line = err.splitlines()
    assert line.startswith("inspectnet: ") and "Traceback" not in line and "bug" not in line, err
    assert all(other.startswith((*OPENING, *after)) for other in others), err
    return line


def contents(folder):
    """The bytes of all that a folder holds, by path within it; None for a folder."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))
    }


def check_result(folder):
    """The result that a command wrote: its record fits the schema, and loading it gives all that was written."""
    envelope = json.loads((folder / "result.json").read_text())
    jsonschema.validate(envelope, schema())
    assert sorted(envelope["files"]) == sorted(contents(folder))
    loaded, arrays = inspectnet.load(folder), {}
    again = json.loads(json_text(envelope_of(loaded, arrays)))
    assert again == {name: told for name, told in envelope.items() if name not in ("run", "files")}
    written = np.load(folder / "arrays.npz") if (folder / "arrays.npz").exists() else {}
    assert set(arrays) == set(written)
    for name, array in arrays.items():
        assert (array.dtype, array.shape, array.tobytes()) == (
            written[name].dtype,
            written[name].shape,
            written[name].tobytes(),
        )
    return loaded


# Networks and photos to give them --------------------------------------------------------------------------


def write_network(path, body, weights, side, classes=None, outputs=None, training=None, **preparation):
    """A file of the network of an `onnx_text` for images of side x side, which says how photos are prepared.

    It names its classes and tells of its training where they are given. preparation: what is not mean 0.5, std 0.25.
    """
    file = onnx_text(body, weights, outputs, image=("N", 3, side, side))
    prepared = {"input_size": [3, side, side], "mean": [0.5] * 3, "std": [0.25] * 3, **preparation}
    for key, value in (("preprocess", prepared), ("classes", classes), ("training", training)):
        if value:
            file.metadata_props.add(key=f"inspectnet.{key}", value=json.dumps(value))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(file.SerializeToString())
    return path


def noisy_photos(folder, sizes, cells=(7, 9), seed=1):
    """A folder of photos of noise, of the width and height in `sizes` by name: `{"cat/0.png": (40, 30)}`.

    The noise has as many rows and columns as `cells` and is soft between them; None makes it that of single pixels.
    """
    rng = np.random.default_rng(seed)
    for name, (width, height) in sizes.items():
        noise = Image.fromarray(rng.integers(0, 256, (*(cells or (height, width)), 3), np.uint8))
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        noise.resize((width, height), Image.Resampling.BICUBIC).save(folder / name)
    return folder
