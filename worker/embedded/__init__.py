"""PostgreSQL and Valkey out of wheels (extra `embedded`), for `routecard dev` and the tests."""
