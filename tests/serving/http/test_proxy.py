"""Behind a proxy: path prefix, cookie, addresses, and the path to open after signing in."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from serving.app import make_app
from serving.http.attempts import FailedAttempts
from serving.http.errors import ApiError
from serving.http.paths import safe_next_path
from serving.http.state import ServiceState
from serving.store.attempts import MAX_ATTEMPTS_PER_MINUTE
from serving.store.keys import Scope

PROXY = "10.0.0.7"


@pytest.fixture
def behind(service: Any) -> Iterator[Any]:  # noqa: ANN401  # a fixture of this folder
    """Return a function that makes a client at an address, for a service with other settings of [serving]."""

    def make(address: str = PROXY, **serving: object) -> TestClient:
        settings = service.state.settings
        state = ServiceState(
            replace(settings, serving=replace(settings.serving, **serving)), service.state.engine, service.state.identity
        )
        return TestClient(make_app(state), client=(address, 5), follow_redirects=False, raise_server_exceptions=False)

    return make


def sign_in(client: TestClient, key: str, path: str = "/ui/login", **headers: str) -> Any:  # noqa: ANN401  # a response
    dashed = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(path, data={"key": key, "next": "/ui/week"}, headers=dashed)


@pytest.mark.parametrize("stripped", [True, False])
def test_links_redirects_and_cookie_carry_the_configured_prefix(service: Any, behind: Any, stripped: bool) -> None:  # noqa: ANN401, FBT001
    client, seen = behind(root_path="/crm/holdfast"), "" if stripped else "/crm/holdfast"
    assert client.get(f"{seen}/").headers["location"] == "/crm/holdfast/ui/week"
    redirect = client.get(f"{seen}/ui/week?kind=win_back")
    assert redirect.headers["location"] == "/crm/holdfast/ui/login?next=%2Fui%2Fweek%3Fkind%3Dwin_back"
    page = client.get(f"{seen}/ui/login").text
    assert '"/crm/holdfast/ui/static/base.css"' in page
    assert 'action="/crm/holdfast/ui/login"' in page
    reply = sign_in(client, service.key(Scope.LIST), f"{seen}/ui/login")
    assert reply.headers["location"] == "/crm/holdfast/ui/week"
    assert "Path=/crm/holdfast" in reply.headers["set-cookie"]
    cookie = reply.headers["set-cookie"].partition(";")[0]
    week = client.get(f"{seen}/ui/week", headers={"cookie": cookie})
    assert week.status_code == 200
    assert '="/ui' not in week.text
    assert week.text.count('="/crm/holdfast/ui') > 10
    missing = client.get(f"{seen}/ui/nothing", headers={"cookie": cookie})
    assert (missing.status_code, '="/ui' in missing.text) == (404, False)
    key = {"authorization": f"Bearer {service.key(Scope.SCORE)}"}
    assert client.get(f"{seen}/v1/runs/latest", headers=key).status_code == 200
    servers = client.get(f"{seen}/docs.json", headers=key).json()["servers"]
    assert [server["url"] for server in servers] == ["/crm/holdfast/v1", "/crm/holdfast"]


def test_without_a_prefix_nothing_changes(service: Any, behind: Any) -> None:  # noqa: ANN401
    client = behind()
    assert client.get("/").headers["location"] == "/ui/week"
    assert "Path=/;" in sign_in(client, service.key(Scope.LIST)).headers["set-cookie"]
    assert client.get("/crm/ui/login").status_code == 401


@pytest.mark.parametrize(
    ("address", "sent", "location"),
    [
        (PROXY, "/a", "/a/ui/week"),
        (PROXY, "/a/b/", "/a/b/ui/week"),
        ("::ffff:10.0.0.9", "/a", "/a/ui/week"),
        ("192.168.1.1", "/a", "/ui/week"),
        (PROXY, "//evil.example", "/ui/week"),
        (PROXY, "https://evil.example", "/ui/week"),
        (PROXY, "/../x", "/ui/week"),
        (PROXY, "/a\\b", "/ui/week"),
        (PROXY, '/"><script>', "/ui/week"),
        (PROXY, "a", "/ui/week"),
        (PROXY, "", "/ui/week"),
    ],
)
def test_a_forwarded_prefix_counts_from_trusted_proxies_only(behind: Any, address: str, sent: str, location: str) -> None:  # noqa: ANN401
    client = behind(address, trusted_proxies=("10.0.0.0/24",))
    assert client.get("/", headers={"x-forwarded-prefix": sent}).headers["location"] == location


@pytest.mark.parametrize(
    ("prefix", "scheme", "name"),
    [("", "https", "__Host-holdfast_session"), ("/a", "https", "__Secure-holdfast_session"), ("", "http", "holdfast_session")],
)
def test_the_cookie_name_keeps_other_hosts_from_setting_it(
    service: Any,  # noqa: ANN401
    behind: Any,  # noqa: ANN401
    prefix: str,
    scheme: str,
    name: str,
) -> None:
    client = behind(root_path=prefix)
    header = sign_in(client, service.key(Scope.LIST), x_forwarded_proto=scheme).headers["set-cookie"]
    cookie, *attributes = header.split("; ")
    assert cookie.partition("=")[0] == name
    assert ("Secure" in attributes, f"Path={prefix or '/'}" in attributes, "Domain" in header) == (scheme == "https", True, False)
    forwarded = {"x-forwarded-proto": scheme}
    assert client.get("/ui/week", headers=forwarded | {"cookie": cookie}).status_code == 200
    tossed = f"holdfast_session={cookie.partition('=')[2]}"
    expected = 200 if scheme == "http" else 303
    client.cookies.clear()
    assert client.get("/ui/week", headers=forwarded | {"cookie": tossed}).status_code == expected


@pytest.mark.parametrize(
    "path", ["/ui/week", "/ui/week?kind=win_back&after=3", "/ui/customers/a%20b", "/ui/customers/..a", "/ui/week?q=%2F.."]
)
def test_a_page_of_ours_is_opened_after_signing_in(path: str) -> None:
    assert safe_next_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "/ui/../../x", "/ui/..", "/ui/./week", "/ui/%2e%2e/x", "/ui/%2E%2e/%2e./x", "/ui/%252e%252e/x", "/ui/a/..%2f..%2fx",
        "/ui/%2525252e%2525252e/x",
        "//evil", "//evil/ui/", "/\\evil", "/ui/\\evil", "/ui/%5cevil", "/ui/%255cevil", "/ui//evil",
        "/ui/%2f%2fevil", "/ui/a%2f%2fb",
        "https://evil/ui/", "javascript:alert(1)", "ui/week", "/lists", "/uix/week", "", None,
        "/ui/week\r\nset-cookie: a", "/ui/\tweek", "/ui/\x00", "/ui/w\u00e9ek", "/ui/\uff0e\uff0e/x",
        "/ui/" + "a" * 1_000, "/ui/week?x=\\evil",
    ],
)  # fmt: skip
def test_any_other_path_opens_this_week(path: str | None) -> None:
    assert safe_next_path(path) == "/ui/week"


def test_wrong_keys_are_limited_and_right_ones_still_work(service: Any, behind: Any) -> None:  # noqa: ANN401
    client, wrong = behind("203.0.113.5"), {"authorization": "Bearer hf_00000000_wrong"}
    statuses = [client.get("/lists", headers=wrong).status_code for _ in range(MAX_ATTEMPTS_PER_MINUTE + 2)]
    assert statuses == [401] * MAX_ATTEMPTS_PER_MINUTE + [429] * 2
    last = client.get("/lists", headers=wrong)
    assert (last.json()["error"]["code"], 1 <= int(last.headers["retry-after"]) <= 60) == ("too_often", True)
    assert client.get("/lists", headers={"authorization": f"Bearer {service.key(Scope.LIST)}"}).status_code == 200
    assert client.get("/lists").status_code == 401


def test_addresses_behind_a_trusted_proxy_count_apart(behind: Any) -> None:  # noqa: ANN401
    client, wrong = behind(trusted_proxies=(PROXY,)), {"authorization": "Bearer hf_00000000_wrong"}

    def status(forwarded: str) -> int:
        return client.get("/lists", headers=wrong | {"x-forwarded-for": forwarded}).status_code  # type: ignore[no-any-return]

    for number in range(MAX_ATTEMPTS_PER_MINUTE):
        assert status(f"9.9.9.{number}, 198.51.100.1") == 401  # what the caller itself sent does not count
    assert (status("198.51.100.1"), status("198.51.100.2")) == (429, 401)


def test_attempts_are_counted_over_all_workers(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    workers = [FailedAttempts("identity") for _ in range(2)]
    for number in range(MAX_ATTEMPTS_PER_MINUTE):
        workers[number % 2].count("sign-in", "203.0.113.5", "Too many.")
    for worker in workers:
        with pytest.raises(ApiError, match="Too many"):
            worker.count("sign-in", "203.0.113.5", "Too many.")
        worker.count("sign-in", "203.0.113.6", "Too many.")
        worker.count("key", "203.0.113.5", "Too many.")
    assert b"203.0.113.5" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    monkeypatch.setattr("serving.store.attempts.time.time", lambda: 9e9)
    workers[0].count("sign-in", "203.0.113.5", "Too many.")


def test_a_worker_counts_for_itself_if_the_file_cannot_be_used(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "missing"))
    worker = FailedAttempts("identity")
    for _ in range(MAX_ATTEMPTS_PER_MINUTE):
        worker.count("key", "a", "Too many.")
    with pytest.raises(ApiError, match="Too many"):
        worker.count("key", "a", "Too many.")
