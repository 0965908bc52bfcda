"""An installation does not change with what others release after our locks were made."""

import json
import os
import re
import subprocess
import venv
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest

from tests.support import locks
from tests.support.locks import Pin
from tests.support.package_index import make_wheel, sha256, write_page

NEWER = "99999.0"
BACKEND = """
import shutil

WHEEL = "routecard-0.1.0-py3-none-any.whl"


def build_editable(folder, config_settings=None, metadata_directory=None):
    shutil.copy(WHEEL, folder)
    return WHEEL
"""


@dataclass(frozen=True)
class Environment:
    """An empty virtual environment whose pip knows one index, and no file of settings."""

    folder: Path
    index: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command as on a machine without settings for pip."""
        variables = {
            "PATH": os.environ["PATH"],  # noqa: TID251  to find sh
            "HOME": str(self.folder),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": self.index.as_uri(),
            "PIP_NO_CACHE_DIR": "1",
        }
        return subprocess.run(  # noqa: S603  our own script and interpreter
            command, check=False, cwd=locks.ROOT, env=variables, capture_output=True, text=True
        )

    def install(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """What `make` and the image run."""
        return self.run("sh", ".ci/install", self.python, *arguments)

    def versions(self) -> dict[str, str]:
        """What is installed, apart from pip and what comes with it."""
        listed = self.run(self.python, "-m", "pip", "list", "--format=json").stdout
        versions = {package["name"]: package["version"] for package in json.loads(listed)}
        return {name: versions[name] for name in versions.keys() - {"pip", "setuptools"}}


@pytest.fixture
def empty(tmp_path: Path) -> Environment:
    """An environment without any package; as `uv venv` makes it, without pip too."""
    folder = tmp_path / "venv"
    venv.create(folder, symlinks=True, with_pip=False)
    return Environment(folder, tmp_path / "index")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with Routecard's requirements and nothing to build."""
    folder = tmp_path / "project"
    folder.mkdir()
    requires = [str(requirement) for requirement in locks.requirements("base")]
    make_wheel(folder, "routecard", "0.1.0", requires=requires)
    (folder / "backend.py").write_text(BACKEND)
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "backend"\nbackend-path = ["."]'
    )
    return folder


def offer(index: Path, pin: Pin) -> str:
    """Put three releases of a package into the index; the lock's line for the first.

    They are the locked version, withdrawn ("yanked") since, a file that was added to this version
    later, and a newer version. All need what the real package needs.
    """
    folder = index / pin.name
    folder.mkdir(parents=True, exist_ok=True)
    real = metadata.metadata(pin.name)
    requires, extras = real.get_all("Requires-Dist", []), real.get_all("Provides-Extra", [])
    locked = make_wheel(folder, pin.name, pin.version, requires=requires, extras=extras)
    make_wheel(folder, pin.name, pin.version, build="1", requires=requires, extras=extras)
    make_wheel(folder, pin.name, NEWER, requires=requires, extras=extras)
    write_page(folder, yanked={locked})
    return f"{pin.requirement} --hash=sha256:{sha256(locked)}"


@pytest.fixture(params=["with extras", "without extras"])
def written(request: pytest.FixtureRequest, empty: Environment, tmp_path: Path) -> list[Path]:
    """Our locks, with the hashes of the files in the index.

    Pip refuses a lock without extras unless it gets `--no-deps`.
    """
    paths = []
    for lock in ("test", "build"):
        path = tmp_path / f"{lock}.txt"
        lines = [offer(empty.index, pin) for pin in locks.pins(lock) if pin.applies]
        text = "\n".join(lines)
        path.write_text(text if request.param == "with extras" else re.sub(r"\[.*?\]", "", text))
        paths.append(path)
    return paths


def test_newer_releases_of_everything_change_nothing(
    empty: Environment, written: list[Path], project: Path
) -> None:
    done = empty.install(*written, "--", "--editable", project)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    pins = [pin for lock in ("test", "build") for pin in locks.pins(lock) if pin.applies]
    assert empty.versions() == {pin.name: pin.version for pin in pins} | {"routecard": "0.1.0"}


def test_an_environment_that_lacks_a_package_is_refused_in_clear_words(
    empty: Environment, project: Path
) -> None:
    done = empty.install("--", "--editable", project)

    assert done.returncode == 1
    assert "routecard 0.1.0 requires celery, which is not installed." in done.stderr
    assert "update the locks with 'make lock'" in done.stderr
