"""The subcommands of `routecard`, one module each; worker.cli lists them."""
