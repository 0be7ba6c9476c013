"""Files in object stores: Amazon S3 and what speaks its protocol, Google Cloud Storage, Azure Blob Storage.

Credentials, region and endpoint come from the environment, under the names that Polars, Delta Lake and obstore share:
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL, AWS_ALLOW_HTTP; GOOGLE_APPLICATION_CREDENTIALS;
AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from settings.errors import first_line
from settings.urls import OBJECT_STORES

if TYPE_CHECKING:
    from obstore.store import ObjectStore, RetryConfig

GLOB = re.compile(r"[*?\[]")
WILDCARDS = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
RETRIES: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}
CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
# What a store says, in its words or its client's, and what it means.
DENIED = re.compile(r"\b(401|403)\b|AccessDenied|Forbidden|Unauthorized|InvalidAccessKeyId|SignatureDoesNotMatch", re.IGNORECASE)
MISSING = re.compile(r"\b404\b|NoSuchBucket|NoSuchKey|not found", re.IGNORECASE)
NO_CREDENTIALS = re.compile(r"credential|IMDS|metadata.*token|MissingAccount|Account must be specified", re.IGNORECASE)
UNREACHABLE = re.compile(r"error sending request|connection refused|dns error|timed out", re.IGNORECASE)


class ObjectStoreError(Exception):
    """An object store refused a request or did not answer; the text says why, and what to do."""


@dataclass(frozen=True)
class StoredObject:
    """An object: its URL, and its size in bytes."""

    url: str
    size: int


def is_remote(place: str) -> bool:
    """Whether a place is the URL of an object store."""
    return place.partition("://")[0] in OBJECT_STORES and "://" in place


def is_pattern(place: str) -> bool:
    """Whether a place names several files, by wildcards."""
    return GLOB.search(place) is not None


def list_objects(pattern: str) -> list[StoredObject]:
    """Return the objects that a URL matches, by name: the object itself, those of a pattern, or all below a folder.

    In a pattern `*` matches within a folder, `**` any folders. Raises ObjectStoreError.
    """
    root, path = _split(pattern)
    wildcard = GLOB.search(path)
    with _described(pattern):
        if not wildcard and (single := _find(root, path)) is not None:
            return [single]
        folder = path[: wildcard.start()].rpartition("/")[0] if wildcard else path.rstrip("/")
        found = [(entry["path"], entry["size"]) for batch in open_store(root).list(folder or None) for entry in batch]
    names = re.compile(_translate(path)) if wildcard else re.compile(f"{re.escape(path.rstrip('/'))}/.*")
    return [StoredObject(f"{root}/{name}", size) for name, size in sorted(found) if names.fullmatch(name)]


def download(url: str) -> Path:
    """Return a copy of an object in a temporary folder that is deleted when the process ends. Raises ObjectStoreError."""
    root, path = _split(url)
    local = Path(_downloads().name) / root.replace("://", "/") / path
    local.parent.mkdir(parents=True, exist_ok=True)
    with _described(url), local.open("wb") as file:
        for chunk in open_store(root).get(path):
            file.write(chunk)
    return local


@contextmanager
def _described(url: str) -> Iterator[None]:
    """Turn the errors of the client into ObjectStoreError."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  # the client has a class per store and cause; all of them are described here
        raise ObjectStoreError(describe_failure(url, error)) from None


def describe_failure(url: str, error: Exception) -> str:
    """Return in one sentence why a request failed, without its stop."""
    text, scheme = str(error), url.partition("://")[0]
    names = CREDENTIALS.get(scheme, CREDENTIALS["az"])
    if NO_CREDENTIALS.search(text):
        return f"there are no credentials; set {names} in the environment"
    if DENIED.search(text):
        return f"access is denied; check {names} in the environment, and what they may read"
    if UNREACHABLE.search(text):
        return "the object store cannot be reached; check the network, and the endpoint in the environment"
    if MISSING.search(text):
        return "there is no such bucket or object; correct the URL"
    return first_line(error)


def _split(url: str) -> tuple[str, str]:
    """Return the URL of the bucket, and the path in it."""
    scheme, _, rest = url.partition("://")
    bucket, _, path = rest.partition("/")
    return f"{scheme}://{bucket}", path


def _find(root: str, path: str) -> StoredObject | None:
    """Return the object of exactly this path, or None."""
    if not path or path.endswith("/"):
        return None
    try:
        return StoredObject(f"{root}/{path}", open_store(root).head(path)["size"])
    except FileNotFoundError:
        return None


def _translate(pattern: str) -> str:
    """Return the regular expression of a pattern, as `glob` understands it: `*` and `?` do not cross a slash, `**/` does."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]]+\])", pattern)
    return "".join(WILDCARDS.get(part, part if part.startswith("[") else re.escape(part)) for part in parts)


@cache
def open_store(root: str) -> "ObjectStore":
    """Return the client of a bucket; obstore is imported here, because only URLs need it."""
    from obstore.store import from_url

    with _described(root):
        return from_url(root, retry_config=RETRIES)


@cache
def _downloads() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="holdfast-")
