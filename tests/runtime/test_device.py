"""Devices: what the words mean, and what is said of a CUDA that is not all there."""

import ctypes

import onnxruntime
import pytest

from inspectnet.errors import DeviceError, OptionError
from inspectnet.runtime import device
from inspectnet.runtime.device import Device, choose_device, missing_for_cuda


@pytest.fixture
def missing(monkeypatch):
    """missing(what) makes a machine that lacks `what` for CUDA, None for one that has it all."""
    return lambda what: monkeypatch.setattr(device, "missing_for_cuda", lambda: what)


def test_the_cpu_is_taken_as_asked_without_a_look_at_cuda(monkeypatch):
    monkeypatch.setattr(device, "missing_for_cuda", lambda: pytest.fail("asked for CUDA"))
    assert choose_device("cpu") == Device("cpu", "cpu, as asked")


@pytest.mark.parametrize(
    ("wanted", "name"), [("auto", "cuda:0"), ("cuda", "cuda:0"), ("cuda:0", "cuda:0"), ("cuda:3", "cuda:3")]
)
def test_cuda_is_taken_where_it_is_all_there(wanted, name, missing):
    missing(None)
    found = choose_device(wanted)
    assert (found.name, found.cuda, found.index) == (name, True, int(name[-1]))
    assert found.why == ("cuda:0, its libraries are all here" if wanted == "auto" else f"{name}, as asked")


@pytest.mark.parametrize("driver", [True, False])
def test_a_gpu_that_is_there_and_cannot_be_used_hinders(driver, missing, monkeypatch):
    missing("this onnxruntime is built without CUDA")
    monkeypatch.setattr(device, "_loads", lambda library: driver)
    assert choose_device("auto").hindered == driver
    assert not choose_device("cpu").hindered


def test_auto_says_why_it_did_not_take_cuda(missing):
    missing("the moon stands wrong")
    found = choose_device("auto")
    assert (found.name, found.why) == ("cpu", "cpu; not cuda: the moon stands wrong")
    assert not found.cuda


@pytest.mark.parametrize("wanted", ["cuda", "cuda:1"])
def test_asking_for_cuda_where_something_is_missing_names_it(wanted, missing):
    missing("the moon stands wrong")
    with pytest.raises(
        DeviceError, match=rf"^no {wanted} here: the moon stands wrong\. Mend that, or say --device cpu\.$"
    ):
        choose_device(wanted)


@pytest.mark.parametrize("word", ["gpu", "CUDA", "cuda:", "cuda:-1", "cuda:x", "", "cpu:0", "auto "])
def test_any_other_word_is_refused(word):
    with pytest.raises(OptionError, match=r"Say auto, cpu, cuda or cuda:1\."):
        choose_device(word)


def test_an_onnxruntime_without_cuda_is_named(monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    assert missing_for_cuda() == "this onnxruntime is built without CUDA (install onnxruntime-gpu)"


def test_a_missing_driver_is_named(monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(device, "_loads", lambda library: False)
    assert "the NVIDIA driver is missing" in missing_for_cuda()


def machine_with_driver(monkeypatch, folder):
    """A machine that has the driver, and an onnxruntime for CUDA in `folder`."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "__file__", str(folder / "__init__.py"))
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda **_: None)
    monkeypatch.setattr(device, "_loads", lambda library: True)
    (folder / "capi").mkdir()


def test_a_missing_library_of_onnxruntime_is_named(monkeypatch, tmp_path):
    machine_with_driver(monkeypatch, tmp_path)
    assert "onnxruntime's CUDA library is missing" in missing_for_cuda()


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("libcudnn.so.9: cannot open shared object file", "a CUDA library is missing (libcudnn.so.9: cannot open"),
        ("undefined symbol: Provider_GetHost", None),
    ],
)
def test_a_missing_library_of_cuda_is_named_in_the_loaders_words(said, wanted, monkeypatch, tmp_path):
    machine_with_driver(monkeypatch, tmp_path)
    (tmp_path / "capi" / "libonnxruntime_providers_cuda.so").touch()

    def load(path, mode=0):
        raise OSError(said)

    monkeypatch.setattr(ctypes, "CDLL", load)
    assert (missing_for_cuda() or "")[: len(wanted or "")] == (wanted or "")
    assert (missing_for_cuda() is None) == (wanted is None)


def test_cuda_computes_in_full_float32_and_has_the_cpu_behind_it():
    (name, options), fallback = Device("cuda:2", "").providers
    assert (name, fallback) == ("CUDAExecutionProvider", "CPUExecutionProvider")
    assert options == {"device_id": 2, "use_tf32": "0"}
    assert Device("cpu", "").providers == ["CPUExecutionProvider"]


def test_this_machine_has_a_device():
    assert choose_device("auto").name in ("cpu", "cuda:0")


@pytest.mark.parametrize("variable", device.LOCAL_RANKS)
def test_processes_that_are_started_together_take_a_gpu_each(variable, missing, monkeypatch):
    missing(None)
    monkeypatch.setattr(device, "count_gpus", lambda: 2)
    for rank, name in (("0", "cuda:0"), ("1", "cuda:1"), ("2", "cuda:0"), ("x", "cuda:0")):
        monkeypatch.setenv(variable, rank)
        assert choose_device("auto").name == choose_device("cuda").name == name
    assert choose_device("cuda:5").name == "cuda:5"


def test_gpus_are_counted_by_the_driver(monkeypatch):
    class Driver:
        def cuInit(self, flags):
            return 0

        def cuDeviceGetCount(self, count):
            count._obj.value = 4
            return 0

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Driver())
    assert device.count_gpus() == 4
    monkeypatch.undo()
    monkeypatch.setattr(device, "DRIVER", "libnone.so")
    assert device.count_gpus() == 0
