"""Production jobs: creating, changing and reading them."""
