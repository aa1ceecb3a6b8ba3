"""What many tests need: the shared data (absent on most machines), random numbers that repeat."""

from pathlib import Path

import numpy as np
import pytest

SHARED = Path(__file__).parents[1].parent / "shared"


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def cuda_ops():
    """The list of the operators that onnxruntime computes on CUDA."""
    path = SHARED / "reference" / "cuda-ops.txt"
    if not path.exists():
        pytest.skip("the shared reference is not here")
    return path


@pytest.fixture(scope="session")
def squeezenet_file():
    """SqueezeNet 1.0 trained on ImageNet."""
    path = SHARED / "models" / "squeezenet1_0.onnx"
    if not path.exists():
        pytest.skip("the shared SqueezeNet is not here")
    return path


@pytest.fixture(scope="session")
def photos():
    """500 ImageNet photos."""
    path = SHARED / "data" / "imagenet-sample"
    if not path.exists():
        pytest.skip("the shared photos are not here")
    return path


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """exported(name, exporter) gives a network of nets.NETS, a batch of one image and its file, made once."""
    made = {}

    def get(name, exporter="dynamo"):
        from nets import export, torch_net

        if (name, exporter) not in made:
            net, x = torch_net(name)
            path = tmp_path_factory.mktemp("nets") / f"{name}-{exporter}.onnx"
            made[name, exporter] = net, x, export(net, x, path, exporter)
        return made[name, exporter]

    return get
