"""`python -m worker` is `routecard`, for where the script is not on the path."""

from worker.cli import main

main()
