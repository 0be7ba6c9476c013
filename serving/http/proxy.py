"""Where the service is as its callers see it: a path prefix, the scheme, and the address of the caller behind a proxy."""

import re
from collections.abc import Mapping, MutableMapping
from ipaddress import ip_address, ip_network
from typing import Any

from settings.sections import Serving

PREFIX = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*){1,8}")
PREFIX_KEY, ADDRESS_KEY = "holdfast.prefix", "holdfast.address"


def locate(scope: MutableMapping[str, Any], headers: Mapping[bytes, bytes], serving: Serving) -> None:
    """Note the path prefix and the caller's address in the scope, and remove the prefix from its path.

    `root_path` of the configuration is the prefix, or X-Forwarded-Prefix from a trusted proxy. A proxy may strip it or not.
    """
    is_trusted = is_trusted_proxy(peer_address(scope), serving.trusted_proxies)
    sent = headers.get(b"x-forwarded-prefix", b"").decode("latin-1").rstrip("/") if is_trusted else ""
    prefix = sent if PREFIX.fullmatch(sent) else serving.root_path
    scope[PREFIX_KEY] = prefix
    scope[ADDRESS_KEY] = _caller(scope, headers, serving) if is_trusted else peer_address(scope)
    path = str(scope["path"])
    if prefix and (path == prefix or path.startswith(f"{prefix}/")):
        raw = scope.get("raw_path") or path.encode()
        scope["path"] = path.removeprefix(prefix) or "/"
        scope["raw_path"] = raw.removeprefix(prefix.encode()) or b"/"


def prefix_of(scope: Mapping[str, Any]) -> str:
    """Return the path prefix of a request, such as /holdfast; an empty text without one."""
    return str(scope.get(PREFIX_KEY, ""))


def address_of(scope: Mapping[str, Any]) -> str:
    """Return the address of the caller, whose wrong keys are counted."""
    return str(scope.get(ADDRESS_KEY) or peer_address(scope))


def peer_address(scope: Mapping[str, Any]) -> str:
    """Return the address at the other end of the connection."""
    client = scope.get("client")
    return str(client[0]) if client else "local"


def is_trusted_proxy(address: str, trusted: tuple[str, ...]) -> bool:
    """Whether an address is in one of the trusted networks."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address in trusted
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return any(ip in ip_network(network, strict=False) for network in trusted if network[0].isdigit() or ":" in network)


def _caller(scope: Mapping[str, Any], headers: Mapping[bytes, bytes], serving: Serving) -> str:
    """Return the last address in X-Forwarded-For that is no trusted proxy: those before it may be invented."""
    chain = [part.strip() for part in headers.get(b"x-forwarded-for", b"").decode("latin-1").split(",") if part.strip()]
    return next(
        (part[:64] for part in reversed(chain) if not is_trusted_proxy(part, serving.trusted_proxies)), peer_address(scope)
    )
