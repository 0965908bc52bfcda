"""Idempotency keys: the first answer to a key is kept in the creating transaction (spec/API.md)."""

from shared.errors import AppError


class KeyReusedError(AppError):
    """The key was used before with another body."""

    code = "idempotency_key_reused"
