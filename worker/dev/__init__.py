"""`routecard dev`: all parts on one machine, as children of one process."""
