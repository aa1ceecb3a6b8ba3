"""What a release holds: the sources, and none of the trained networks and pictures beside them."""

import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST = 9_000_000  # bytes of a release, 4 MB of them the runtime in the page of reports; all that is versioned: 60 MB
BUILT = {"node_modules", "page", "__pycache__"}  # folders of what make and Python leave behind


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    """(sdist, wheel), as built from this tree."""
    pytest.importorskip("hatchling")
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env={**os.environ, "PYTHONWARNINGS": "ignore"})
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return sdist, wheel


def sources(*folders):
    """Every file of the folders, but what has been made of them."""
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    return {str(path.relative_to(ROOT)) for path in paths if not BUILT & set(path.parts)}


def test_what_the_configuration_takes_into_the_sdist_is_small():
    """Where hatchling is not installed, this is all that holds it."""
    targets = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]
    taken = [path for pattern in targets["sdist"]["include"] for path in ROOT.glob(pattern.lstrip("/"))]
    assert ROOT / "inspectnet" in taken and ROOT / "models" not in taken and ROOT / "docs" / "findings.md" in taken
    files = [path for path in taken if path.is_file()]
    files += [ROOT / name for name in sources(*(path.relative_to(ROOT) for path in taken if path.is_dir()))]
    assert sum(path.stat().st_size for path in files) < 2 * MOST  # before they are compressed


def test_the_sdist_holds_sources_tests_and_texts_and_no_network(releases):
    with tarfile.open(releases[0]) as sdist:
        names = {member.name.partition("/")[2] for member in sdist}
    assert sources("inspectnet", "explorer", "trainers", "tests") <= names
    assert {"README.md", "LICENSE", "CHANGELOG.md", "Makefile", "pyproject.toml", "docs/findings.md"} <= names
    assert {name.partition("/")[0] for name in names if "/" in name} == {
        "inspectnet",
        "explorer",
        "trainers",
        "tests",
        "docs",
    }
    assert not [name for name in names if "node_modules" in name]
    assert not [name for name in names if name.startswith(("docs/images", "docs/findings/")) or name.endswith(".onnx")]
    assert releases[0].stat().st_size < MOST


def test_the_wheel_holds_the_package_alone(releases):
    with zipfile.ZipFile(releases[1]) as wheel:
        names = set(wheel.namelist())
    page = {f"inspectnet/explorer/page/{path.name}" for path in (ROOT / "inspectnet/explorer/page").glob("*")}
    assert sources("inspectnet") | page <= names
    tops = {name.partition("/")[0] for name in names}
    assert "inspectnet" in tops and [top.endswith(".dist-info") for top in sorted(tops)] == [False, True]
    assert releases[1].stat().st_size < MOST
