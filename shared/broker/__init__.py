"""The message broker: Celery on Redis, and the notifier that announces due work."""
