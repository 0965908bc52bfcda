"""PostgreSQL: engine and transactions, connection pool, advisory locks, pruning."""
