"""Refuse further failed attempts to sign in or to use a key from an address that had too many."""

from serving.http.errors import ApiError
from serving.store.attempts import MAX_ATTEMPTS_PER_MINUTE, AttemptCounter


class FailedAttempts:
    """Count failed attempts over all workers of the service."""

    def __init__(self, identity: str) -> None:
        """Count for the store that `identity` belongs to."""
        self._counter = AttemptCounter(identity)

    def count(self, kind: str, address: str, message: str) -> None:
        """Count a failed attempt. Raises ApiError 429 with `message` above MAX_ATTEMPTS_PER_MINUTE."""
        attempts, seconds = self._counter.count(kind, address)
        if attempts > MAX_ATTEMPTS_PER_MINUTE:
            raise ApiError(429, message, retry_after=seconds)
