"""The locks are complete, so they can be installed with `--no-deps`."""

import re
from collections.abc import Iterator
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support import locks
from tests.support.locks import LOCKS, Pin


@pytest.mark.parametrize("lock", LOCKS)
def test_each_package_is_pinned_to_one_version_and_the_hashes_of_its_files(lock: str) -> None:
    pins = locks.pins(lock)
    assert pins
    for pin in pins:
        assert re.fullmatch(r"==[^*,]+", str(pin.requirement.specifier)), pin
        assert pin.options, pin
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", text) for text in pin.options), pin


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_says_where_packages_come_from(lock: str) -> None:
    assert not re.search(r"://|--index-url|--extra-index-url|--find-links", _text(lock))


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_all_that_is_needed_and_nothing_else(lock: str) -> None:
    pins = {pin.name: pin for pin in locks.pins(lock) if pin.applies}

    assert _needed(locks.requirements(lock), pins) == set(pins)


def test_all_locks_pin_the_same_version_of_a_package() -> None:
    versions: dict[str, set[str]] = {}
    for pin in (pin for lock in LOCKS for pin in locks.pins(lock) if pin.applies):
        versions.setdefault(pin.name, set()).add(pin.version)

    assert not {name: found for name, found in versions.items() if len(found) > 1}


def _text(lock: str) -> str:
    return locks.path(lock).read_text()


def _needed(requirements: list[Requirement], pins: dict[str, Pin]) -> set[str]:
    """The names of all packages that these need; fails if the lock does not satisfy one of them."""
    waiting, seen = list(requirements), set[Requirement]()
    while waiting:
        requirement = waiting.pop()
        if requirement in seen:
            continue
        seen.add(requirement)
        name = canonicalize_name(requirement.name)
        assert name in pins, f"{requirement} is needed but not locked"
        pinned = pins[name].requirement
        assert requirement.specifier.contains(pins[name].version, prereleases=True), requirement
        assert requirement.extras <= pinned.extras, f"{requirement}: locked is {pinned}"
        assert metadata.version(name) == pins[name].version, "run `make .venv/.test` first"
        waiting.extend(_dependencies(name, requirement.extras))
    return {canonicalize_name(requirement.name) for requirement in seen}


def _dependencies(name: str, extras: set[str]) -> Iterator[Requirement]:
    """What a package needs here, with these of its extras."""
    for requirement in map(Requirement, metadata.requires(name) or []):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in {"", *extras}):
            yield requirement
