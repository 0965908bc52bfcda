"""The worker as a process: heartbeat, watchdog, shutdown, messages, limits."""
