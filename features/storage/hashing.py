"""Keyed hashes of ids: HMAC-SHA256 (RFC 2104), of one text or of a column. Nobody without the key can tell whose a hash is."""

import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass

import polars as pl
import polars_hash as plh


def hash_of(text: str, key: str) -> str:
    """Return the hash of one text, 64 hexadecimal digits; `key` is text too."""
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def hash_column(column: str, key: str) -> pl.Expr:
    """Return the same of a column of texts; null stays null."""
    return plh.col(column).chash.hmac_sha256(key=key)


@dataclass(frozen=True)
class HashedIds:
    """Customers who were erased on request, by keyed hash: what is left of them, so that no load brings them back."""

    key: str = ""
    hashes: Collection[str] = ()

    def holds(self, column: str = "customer_id") -> pl.Expr:
        """Whether a column names one of them; never null."""
        return hash_column(column, self.key).is_in(list(self.hashes)).fill_null(value=False)


NO_IDS = HashedIds()
