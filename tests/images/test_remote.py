"""Images that a store holds: listed once, read one by one; a store that dies is no damaged image."""

import io
import socket
import subprocess
import sys
import tarfile
import time
import urllib.request

import numpy as np
import pytest
from commands import refused, write_network
from nets import random_weights
from PIL import Image

import inspectnet
from inspectnet.errors import ImageError, OptionError, SourceError
from inspectnet.images import find_images, remote

fsspec = pytest.importorskip("fsspec")

SIDE, PHOTOS = 16, 9
NET = "a = Conv <strides = [2, 2]> (image, k)\ny = Relu (a)"


def png(seed):
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (20, 24, 3), np.uint8)).save(file, "png")
    return file.getvalue()


def tar_of(names):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, data in names.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return file.getvalue()


FILES = {f"{'ab'[i % 2]}/{i}.png": png(i) for i in range(PHOTOS)}
FILES |= {"more.tar": tar_of({"c/10.png": png(10), "c/11.png": png(11)}), "notes.md": b"x", ".hidden/0.png": png(0)}


@pytest.fixture
def network(tmp_path):
    path = write_network(tmp_path / "net.onnx", NET, random_weights(0, k=(4, 3, 3, 3)), SIDE)
    return inspectnet.open(path, device="cpu", threads=1)


@pytest.fixture
def here(tmp_path):
    """The same files in a folder."""
    for name, data in FILES.items():
        (tmp_path / "here" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "here" / name).write_bytes(data)
    return tmp_path / "here"


@pytest.fixture
def memory():
    """The files in a store in memory."""
    store = fsspec.filesystem("memory")
    for name, data in FILES.items():
        store.pipe_file(f"/photos/{name}", data)
    yield store
    store.rm("/photos", recursive=True)


@pytest.fixture
def no_pauses(monkeypatch):
    monkeypatch.setattr(remote.time, "sleep", lambda seconds: None)


def entries(collection):
    return [(entry.id, entry.label) for entry in collection]


@pytest.mark.parametrize("way", ["memory", "file", "Path"])
def test_a_store_gives_the_images_that_a_folder_gives(memory, here, way, tmp_path):
    from pathlib import Path

    source = {"memory": "memory://photos", "file": f"file://{here}", "Path": Path("memory://photos/")}[way]
    there, local = find_images(source), find_images(here)
    assert entries(there) == entries(local)
    assert [there.read(i) for i in range(len(there))] == [local.read(i) for i in range(len(local))]
    assert there.signature() == local.signature()
    assert not there.is_photo


def test_one_image_and_one_tar_are_sources_too(memory):
    assert entries(find_images("memory://photos/a/0.png")) == [("0.png", None)]
    assert entries(find_images("memory://photos/more.tar")) == [("more.tar/c/10.png", "c"), ("more.tar/c/11.png", "c")]


def test_what_is_not_there_or_holds_no_image_is_refused(memory, no_pauses):
    with pytest.raises(ImageError, match="no image in memory://nothing"):
        find_images("memory://nothing")
    with pytest.raises(OptionError, match="no kind of address"):
        find_images("gopher2://nothing")


def test_without_the_package_one_line_says_how_to_install_it(monkeypatch, capsys, network):
    remote._system_of.cache_clear()
    monkeypatch.setitem(sys.modules, "fsspec", None)
    line = refused(
        capsys, "activations", network.path, "-l", "conv1", "--images", "s3://bucket/x", "-o", network.path.parent / "o"
    )
    assert "pip install 'inspectnet[cloud]'" in line
    remote._system_of.cache_clear()


def write(network, source, folder):
    return inspectnet.activations(network, "conv1", source, folder, shard_size=4, batch_size=2, threads=2)


def arrays(folder):
    return {path.name.split(".")[0]: path.read_bytes() for path in (folder / "shards").rglob("*.npy")}


def test_activations_of_a_store_are_those_of_a_folder(memory, here, network, tmp_path):
    there, local = write(network, "memory://photos", tmp_path / "a"), write(network, here, tmp_path / "b")
    assert arrays(tmp_path / "a") == arrays(tmp_path / "b")
    assert there.about.images.sha256 == local.about.images.sha256


def test_only_what_has_changed_in_a_store_is_read_again(memory, network, tmp_path):
    write(network, "memory://photos", tmp_path / "a")
    before = {path.name for path in (tmp_path / "a" / "shards").rglob("*.npy")}
    memory.pipe_file("/photos/a/2.png", png(99))
    write(network, "memory://photos", tmp_path / "a")
    after = {path.name for path in (tmp_path / "a" / "shards").rglob("*.npy")}
    assert len(after - before) == 1 and len(after) == len(before) == 3


def test_a_store_that_answers_again_costs_a_pause(memory, network, tmp_path, monkeypatch, no_pauses):
    failures = break_down(monkeypatch, memory, range(3, 6))
    result = write(network, "memory://photos", tmp_path / "a")
    assert failures == [3, 4, 5]
    assert result.about.images.count == PHOTOS + 2
    assert not result.about.images.skipped


def test_a_store_that_dies_ends_the_run_in_one_line_and_loses_nothing(
    memory, here, network, tmp_path, monkeypatch, no_pauses, capsys
):
    asked = ("activations", network.path, "-l", "conv1", "--images", "memory://photos", "-o", tmp_path / "a")
    asked += ("--shard-size", 4, "--batch-size", 2, "--threads", 2)
    with monkeypatch.context() as patched:
        break_down(patched, memory, range(6, 999))
        line = refused(capsys, *asked, after=("writing activations", "activations of"))
    assert (
        "cannot be reached: ConnectionResetError" in line
        and "5 tries" in line
        and "a scan goes on where it was" in line
    )
    done = arrays(tmp_path / "a")
    assert len(done) == 1
    write(network, "memory://photos", tmp_path / "a")
    write(network, here, tmp_path / "b")
    assert arrays(tmp_path / "a") == arrays(tmp_path / "b")


def break_down(patched, store, broken):
    """Reads of these numbers fail; gives a list that they are noted in."""
    cat, count, failures = type(store).cat_file, [0], []

    def cat_file(self, path, start=None, end=None, **more):
        count[0] += 1
        if count[0] - 1 in broken:
            failures.append(count[0] - 1)
            raise ConnectionResetError(104, "Connection reset by peer")
        return cat(self, path, start=start, end=end, **more)

    patched.setattr(type(store), "cat_file", cat_file)
    return failures


def test_an_object_that_goes_is_left_out_and_one_that_changes_ends_the_run(memory, no_pauses):
    collection = find_images("memory://photos")
    memory.pipe_file("/photos/a/0.png", b"shorter")
    memory.rm("/photos/a/2.png")
    numbers = {entry.id: number for number, entry in enumerate(collection)}
    with pytest.raises(SourceError, match="has changed since it was listed"):
        collection.read(numbers["a/0.png"])
    with pytest.raises(ImageError, match="is gone"):
        collection.read(numbers["a/2.png"])


# A server that speaks S3 -----------------------------------------------------------------------------------


class Server:
    """moto, in a process of its own, which may be killed."""

    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        command = [sys.executable, "-m", "moto.server", "-p", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(300):
            try:
                urllib.request.urlopen(self.url, timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("moto did not start")

    def fill(self):
        """Put the files there, which moto holds in memory."""
        store = fsspec.filesystem("s3", endpoint_url=self.url, skip_instance_cache=True)
        store.mkdir("bucket")
        for name, data in FILES.items():
            store.pipe_file(f"bucket/photos/{name}", data)

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def server(monkeypatch):
    pytest.importorskip("s3fs")
    pytest.importorskip("moto.server")
    for name, value in (("ACCESS_KEY_ID", "x"), ("SECRET_ACCESS_KEY", "x"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    server = Server()
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    remote._system_of.cache_clear()
    yield server
    server.kill()
    remote._system_of.cache_clear()


@pytest.mark.filterwarnings("ignore")  # what botocore and aiohttp warn of
def test_an_s3_server_dies_midway_and_comes_back(server, here, network, tmp_path, monkeypatch):
    server.fill()
    work, count = remote.read_remote, [0]

    def read_remote(*arguments):
        count[0] += 1
        if count[0] == 7:
            server.kill()
        return work(*arguments)

    with monkeypatch.context() as patched, pytest.raises(SourceError, match=r"s3://bucket/photos/.* cannot be reached"):
        patched.setattr("inspectnet.images.collection.read_remote", read_remote)
        patched.setattr(remote, "PAUSES", (0.01, 0.01))
        write(network, "s3://bucket/photos", tmp_path / "a")
    assert len(arrays(tmp_path / "a")) == 1
    server.start()
    server.fill()
    write(network, "s3://bucket/photos", tmp_path / "a")
    write(network, here, tmp_path / "b")
    assert arrays(tmp_path / "a") == arrays(tmp_path / "b")
