"""`python -m benchmarks [NAME …]`: run the benchmarks, all or by name, one after the other."""

import runpy
import sys

NAMES = ("drain", "sync_operations")


def main() -> None:
    """Run them; a name that is none ends it with the list."""
    wanted = sys.argv[1:] or list(NAMES)
    if unknown := set(wanted) - set(NAMES):
        sys.exit(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    sys.argv[1:] = []
    for name in wanted:
        print(f"== {name}", flush=True)
        runpy.run_module(f"benchmarks.{name}", run_name="__main__")


if __name__ == "__main__":
    main()
