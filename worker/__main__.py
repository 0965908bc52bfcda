"""`python -m worker` runs `routecard`, for when the script is not on the path."""

from worker.cli import main

main()
