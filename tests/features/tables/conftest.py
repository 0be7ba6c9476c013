import socket
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Put = Callable[[str, bytes], str]
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test-key-of-holdfast", "AWS_SECRET_ACCESS_KEY": "test-secret-of-holdfast"}


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The address of an S3 server with the bucket `shop`."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    with urllib.request.urlopen(urllib.request.Request(f"{endpoint}/shop", method="PUT")):  # noqa: S310  # loopback
        pass
    yield endpoint
    server.stop()


@pytest.fixture
def s3_environment(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set the variables that object stores are configured by; arguments replace some of them."""
    from features.tables.object_stores import open_store

    def configure(**variables: str) -> None:
        defaults = {"AWS_ENDPOINT_URL": s3_endpoint, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1"}
        for name, value in (CREDENTIALS | defaults | variables).items():
            monkeypatch.setenv(name, value)
        open_store.cache_clear()

    configure()
    return configure


@pytest.fixture
def put(s3_environment: Callable[..., None], tmp_path: Path) -> Put:  # noqa: ARG001  # sets the variables
    """Put an object into a folder of the bucket that only this test uses; return the URL of the folder."""
    from features.tables.object_stores import open_store

    def put_object(path: str, content: bytes) -> str:
        open_store("s3://shop").put(f"{tmp_path.name}/{path}", content)
        return f"s3://shop/{tmp_path.name}"

    return put_object


@pytest.fixture
def closed_port() -> int:
    """A port that no process listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
