"""The commands of `routecard`, one module each; the table is in worker.cli."""
