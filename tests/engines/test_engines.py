"""Engines: several workers make the bytes that one makes, whatever dies, and tell in one line why they cannot."""

import os
import random
import subprocess
import sys
import threading
from importlib.util import find_spec

import kill_scan
import pytest

from inspectnet.engines import engines, local, run_engine, work_for
from inspectnet.errors import InspectError, OptionError
from inspectnet.images import find_images
from inspectnet.index import SCAN, merged_file
from inspectnet.manifest import list_images
from inspectnet.shards import Share

PHOTOS, SHARD = 40, 4


@pytest.fixture(autouse=True)
def found_by_workers(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    kill_scan.write_inputs(folder, PHOTOS)
    return folder


@pytest.fixture(scope="module")
def clean(inputs, tmp_path_factory):
    """The bytes of a scan that nobody disturbed."""
    folder = tmp_path_factory.mktemp("clean")
    manifest, network = listed(inputs, folder)
    run_engine(SCAN, folder, manifest, [network])
    return merged_file(folder, manifest).read_bytes()


def listed(inputs, folder):
    network = kill_scan.open_model(inputs)
    request = kill_scan.request_of(network, SHARD)
    return list_images(folder, request, lambda: find_images(inputs / "photos"), ["photos"]), network


def told_by(progress):
    """A progress that notes what is told."""
    import contextlib

    @contextlib.contextmanager
    def note(description, total, unit="images"):
        told = progress.setdefault(description, [total, 0])

        def advance(n=1):
            told[1] += n

        yield advance

    return note


def test_two_workers_make_the_bytes_of_one_and_all_their_images_are_counted(inputs, clean, tmp_path):
    (manifest, network), told = listed(inputs, tmp_path), {}
    run_engine(SCAN, tmp_path, manifest, [network], workers=2, progress=told_by(told))
    assert merged_file(tmp_path, manifest).read_bytes() == clean
    assert told == {"scanning": [PHOTOS, PHOTOS], "merging": [manifest.shards, manifest.shards]}
    assert list((tmp_path / "leases").rglob("*.lease")) == []


def test_a_scan_whose_workers_and_drivers_are_killed_makes_the_same_bytes(inputs, clean, tmp_path):
    merged = kill_scan.scan_with_kills(inputs, tmp_path, "local-2", SHARD, 3, random.Random(1))[1]
    assert merged == clean


@pytest.mark.skipif(find_spec("ray") is None, reason="needs ray")
def test_actors_on_two_nodes_make_the_same_bytes_whatever_is_killed(inputs, clean, tmp_path):
    with kill_scan.cluster_for("ray-2") as environment:
        merged = kill_scan.scan_with_kills(inputs, tmp_path, "ray-2", SHARD, 2, random.Random(0), environment)[1]
    assert merged == clean


@pytest.mark.skipif(find_spec("ray") is None, reason="needs ray")
def test_a_cluster_that_does_not_answer_is_named(inputs, tmp_path, monkeypatch):
    manifest, network = listed(inputs, tmp_path)
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(OptionError, match=r"no Ray cluster answers at 127\.0\.0\.1:1: .*refused"):
        run_engine(SCAN, tmp_path, manifest, [network], engine="ray")


def test_without_ray_the_engine_says_what_to_install(inputs, tmp_path, monkeypatch):
    manifest, network = listed(inputs, tmp_path)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(OptionError, match=r"pip install 'inspectnet\[ray\]'"):
        run_engine(SCAN, tmp_path, manifest, [network], engine="ray")
    with pytest.raises(OptionError, match="no engine 'slurm'"):
        run_engine(SCAN, tmp_path, manifest, [network], engine="slurm")


def test_what_stops_all_workers_is_raised_in_their_words(inputs, tmp_path):
    (tmp_path / "net.onnx").write_bytes((inputs / "net.onnx").read_bytes())
    (tmp_path / "photos").symlink_to(inputs / "photos")
    manifest, network = listed(tmp_path, tmp_path / "index")
    kill_scan.write_model(tmp_path, seed=4)
    with pytest.raises(InspectError, match=r"net\.onnx is not the model that the index was made of"):
        run_engine(SCAN, tmp_path / "index", manifest, [network], workers=2)
    assert list((tmp_path / "index" / "leases").glob("*.lease")) == []


def test_of_two_models_in_one_folder_at_once_one_is_refused_and_the_other_scanned(inputs, clean, tmp_path):
    kill_scan.write_model(tmp_path, seed=4)
    (tmp_path / "photos").symlink_to(inputs / "photos")
    folder, refused, begun = tmp_path / "index", [], []

    def begin(source):
        try:
            begun.append(listed(source, folder))
        except OptionError as error:
            refused.append(str(error))

    both = [threading.Thread(target=begin, args=(source,)) for source in (inputs, tmp_path)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    [(manifest, network)] = begun
    assert len(refused) == 1 and "is an index of the models net.onnx" in refused[0]
    run_engine(SCAN, folder, manifest, [network])
    assert (merged_file(folder, manifest).read_bytes() == clean) == (network.path.parent == inputs)


def test_a_full_disk_is_told_in_one_line_and_the_scan_goes_on_where_there_is_room(inputs, clean, tmp_path):
    manifest, network = listed(inputs, tmp_path)
    program = """
import resource, sys
from inspectnet.engines import work_for
from inspectnet.index import SCAN
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, resource.RLIM_INFINITY))
sys.exit(work_for(SCAN, sys.argv[1:]))
"""
    told = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True)
    assert (told.returncode, told.stderr.count("\n")) == (2, 1)
    assert "000000." in told.stderr and "file too large" in told.stderr
    assert [path.name for path in tmp_path.rglob("*.*") if "entries" not in path.parts] == ["manifest.json"]
    run_engine(SCAN, tmp_path, manifest, [network])
    assert merged_file(tmp_path, manifest).read_bytes() == clean


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_folder_that_takes_no_files_is_refused_in_one_line(inputs, tmp_path, workers):
    manifest, network = listed(inputs, tmp_path)
    (tmp_path / "leases").chmod(0o555)
    with pytest.raises(InspectError, match=r"leases/.*: permission denied"):
        run_engine(SCAN, tmp_path, manifest, [network], workers=workers)


def test_workers_that_always_die_are_started_again_and_then_given_up(inputs, tmp_path, monkeypatch, caplog):
    manifest, network = listed(inputs, tmp_path)
    monkeypatch.setattr(local, "command", lambda job, folder: [sys.executable, "-c", "import os; os.abort()"])
    with pytest.raises(InspectError, match=r"died 4 times .* by SIGABRT"):
        run_engine(SCAN, tmp_path, manifest, [network], workers=2)
    assert [record.message for record in caplog.records] == [
        "a worker died and is started again: it ended by SIGABRT"
    ] * local.DEATHS


def test_a_worker_works_in_this_process_too_and_tells_errors_in_one_line(inputs, clean, tmp_path, capsys):
    manifest, _ = listed(inputs, tmp_path)
    assert work_for(SCAN, [str(tmp_path), "--threads", "1", "--share", "1", "2"]) == 0
    assert merged_file(tmp_path, manifest).read_bytes() == clean
    assert work_for(SCAN, [str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_on_gpus_there_is_a_worker_for_each(monkeypatch):
    from inspectnet.runtime.device import Device

    class Opened:
        device = Device("cuda:0", "")

    monkeypatch.setattr(engines, "count_gpus", lambda: 3)
    assert engines._devices(Opened, None, "auto", Share()) == ["cuda:0", "cuda:1", "cuda:2"]
    assert engines._devices(Opened, 4, "cuda", Share()) == ["cuda:0", "cuda:1", "cuda:2", "cuda:0"]
    assert engines._devices(Opened, None, "cuda:0", Share()) == ["cuda:0"]
    assert engines._devices(Opened, None, "auto", Share(1, 2)) == ["cuda:0"]  # torchrun has started the others


def test_each_worker_is_told_its_gpu_its_cores_and_its_share(monkeypatch, inputs, tmp_path):
    from inspectnet.runtime.device import Device

    (manifest, network), started = listed(inputs, tmp_path), []

    class Started:
        code, told = 2, "enough"

        def __init__(self, command):
            started.append(command[command.index("--tied") + 1 :])

        def stop(self, patience=0.0):
            pass

    monkeypatch.setattr(network, "device", Device("cuda:0", ""), raising=False)
    monkeypatch.setattr(engines, "count_gpus", lambda: 2)
    monkeypatch.setattr(engines.os, "cpu_count", lambda: 9)
    monkeypatch.setattr(local, "Worker", Started)
    with pytest.raises(InspectError, match="enough"):
        run_engine(SCAN, tmp_path, manifest, [network])
    assert started == [
        ["--device", "cuda:0", "--threads", "4", "--share", "0", "2"],
        ["--device", "cuda:1", "--threads", "4", "--share", "1", "2"],
    ]
