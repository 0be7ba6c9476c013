"""Hide credentials in everything that is printed, logged or answered: in URLs, in queries of URLs, and in free text."""

import re
from collections.abc import Mapping
from urllib.parse import unquote

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

HIDDEN = "***"
OBJECT_STORES = ("s3", "gs", "az")  # schemes of URLs whose credentials come from the environment
NAMES = "passw(?:or)?d|passwd|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key|credential|signature|odbc_connect"
SECRET_NAME = rf"[\w.-]*(?:{NAMES})[\w.-]*"
# scheme://user:password@host, also with a single slash, as a path may have it; the password ends at the last @ of the word
USER_INFO = re.compile(
    r"(?P<scheme>\b[a-z][a-z0-9+.-]*:/{1,2})(?P<user>[^\s:/@'\"<>]*)(?P<password>:[^\s'\"<>]*)?@", re.IGNORECASE
)
PARAMETER = re.compile(
    rf"(?P<name>\b{SECRET_NAME})(?P<equals>\s*=\s*|\s*%3D\s*)(?P<value>'[^']*'|\"[^\"]*\"|[^\s&;,'\")\]]+)", re.IGNORECASE
)
PAIR = re.compile(rf"(?P<name>['\"]{SECRET_NAME}['\"])(?P<equals>\s*:\s*)(?P<value>'[^']*'|\"[^\"]*\")", re.IGNORECASE)
HEADER = re.compile(r"(?P<name>authorization\W{1,6}(?:basic|bearer))(?P<equals>\s+)(?P<value>[\w.~+/=-]+)", re.IGNORECASE)
PASSWORD = re.compile(r"^[a-z][a-z0-9+.-]*://[^:/@]*:(.*)@", re.IGNORECASE | re.DOTALL)  # of one whole URL, however malformed
WEB_SCHEMES = ("http", "https")  # a user alone is a token there
MIN_LITERAL_LENGTH, MIN_WORD_LENGTH = 6, 12  # shorter ones, the second made of letters only, occur in ordinary text

PATH_NAME = re.compile(r"^(?:OLD)?PWD$|(?:FILE|PATH|DIR|SOCK)$", re.IGNORECASE)  # variables that hold a path

_known_secrets: set[str] = set()


def hide_credentials(text: str) -> str:
    """Return `text` with every password and token replaced by ***.

    >>> hide_credentials("cannot connect to postgresql://me:hunter2@db/shop?sslpassword=abc")
    'cannot connect to postgresql://me:***@db/shop?sslpassword=***'
    """
    for secret in sorted(_known_secrets, key=len, reverse=True):
        if secret in text:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", HIDDEN, text)
    if "@" in text:
        text = USER_INFO.sub(_hide_user_info, text)
    for pattern in (PARAMETER, PAIR, HEADER):
        text = pattern.sub(rf"\g<name>\g<equals>{HIDDEN}", text)
    return text


def _hide_user_info(match: re.Match[str]) -> str:
    scheme, user = match["scheme"], match["user"]
    if match["password"]:
        return f"{scheme}{user}:{HIDDEN}@"
    is_token = user and scheme.rstrip(":/").lower() in WEB_SCHEMES
    return f"{scheme}{HIDDEN}@" if is_token else match[0]


def remember_secrets(url: str | None) -> None:
    """Hide the secrets of this URL from now on wherever they appear alone: a driver may quote a piece of a malformed URL."""
    if url is None:
        return
    words = [*PASSWORD.findall(url), *(parameter["value"] for parameter in PARAMETER.finditer(url))]
    visible = hide_credentials(url)
    pieces = {piece for word in words for part in (word, unquote(word)) for piece in (part, *re.split(r"[@\s]", part))}
    _known_secrets.update(piece for piece in pieces if _is_distinctive(piece) and piece not in visible)


def remember_environment(environ: Mapping[str, str]) -> None:
    """Hide the values of variables such as PGPASSWORD and MLFLOW_TRACKING_TOKEN from now on.

    Working directories (PWD) and the paths of files that hold a secret are no secrets.
    """
    secret = {name: value for name, value in environ.items() if re.fullmatch(SECRET_NAME, name, re.IGNORECASE)}
    _known_secrets.update(value for name, value in secret.items() if _is_distinctive(value) and not PATH_NAME.search(name))


def _is_distinctive(text: str) -> bool:
    return len(text) >= (MIN_WORD_LENGTH if text.isalpha() else MIN_LITERAL_LENGTH)


def refuse_malformed_url(url: str) -> None:
    """Raise ValueError, with a message that does not quote the URL, if it cannot be read; text without :// is no URL."""
    try:
        if "://" in url:
            make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError("a URL such as postgresql://user:password@host:5432/name, with %40 for an @ in the password") from None
