"""The worker as a process: heartbeat, watchdog, shutdown, concurrency limit."""
