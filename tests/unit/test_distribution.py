"""The distribution: what it contains, and that no other one has its names."""

from importlib.metadata import distribution, packages_distributions

import pytest


@pytest.mark.parametrize("package", ["api", "worker", "shared"])
def test_no_dependency_owns_our_packages_names(package: str) -> None:
    assert set(packages_distributions().get(package, ["routecard"])) == {"routecard"}


def test_the_distribution_brings_the_command() -> None:
    scripts = distribution("routecard").entry_points.select(group="console_scripts")

    assert [(script.name, script.value) for script in scripts] == [("routecard", "worker.cli:main")]
