"""What all calls share that create something: idempotency keys, and waiting for the fill."""
