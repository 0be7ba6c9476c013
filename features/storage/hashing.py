"""Keyed hashes of ids: HMAC-SHA256 (RFC 2104) of one text or of a column, and a fast one to compare loads.

Without the key, a hash cannot be traced to an id.
"""

import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass

import polars as pl
import polars_hash as plh


def hash_text(text: str, key: str) -> str:
    """Return the hash of one text, 64 hexadecimal digits; `key` is text too."""
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def derive_key(purpose: str, secret: bytes) -> str:
    """Return a key for one purpose; keys of different purposes say nothing about each other or about the secret."""
    return hash_text(purpose, secret.hex())


def hash_column(column: str | pl.Expr, key: str) -> pl.Expr:
    """Return `hash_text` of a column of texts; null stays null."""
    texts = pl.col(column) if isinstance(column, str) else column
    hashes: pl.Expr = plh.CryptographicHashingNameSpace(texts).hmac_sha256(key=key)
    return hashes


def seeded_hash(column: str, seed: int) -> pl.Expr:
    """Return a 64-bit hash (XXH64) of a column of texts, the same on every machine; null stays null.

    It is far faster than `hash_column`. Without the seed, 64 random bits, a hash cannot be traced to an id by trying ids.
    """
    return plh.col(column).nchash.xxhash64(seed=seed)


@dataclass(frozen=True)
class HashedIds:
    """Customers by keyed hash, erased or suppressed on request.

    Of an erased customer only the hash is kept, so that no load brings the customer back.
    """

    key: str = ""
    hashes: Collection[str] = ()

    def holds(self, column: str | pl.Expr = "customer_id") -> pl.Expr:
        """Whether the id in `column`, a name or an expression, is one of them; never null."""
        return hash_column(column, self.key).is_in(list(self.hashes)).fill_null(value=False)


NO_IDS = HashedIds()
