"""The OpenAPI document against the running service: every request that it allows is answered as it describes."""

import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "allow_header_conformance",
)
EXAMPLES = 10


@pytest.fixture
def key(workshop: Path, holdfast: Callable[..., tuple[int, str, str]]) -> str:
    _, output, _ = holdfast(
        "keys", "create", "--client", "tests", "--scope", "score,list,issue,details,admin", "--config", workshop
    )
    return output.strip()


@pytest.mark.timeout(400)
@pytest.mark.slow
def test_every_response_conforms_to_the_document_and_none_is_a_server_error(
    workshop: Path,
    key: str,
    port: int,
    serve: Any,  # noqa: ANN401  # a fixture of this folder
    tmp_path: Path,
) -> None:
    with serve(workshop):
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/docs.json", headers={"authorization": f"Bearer {key}"}
        )  # loopback
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310  # likewise
            (tmp_path / "docs.json").write_bytes(reply.read())
        program = [str(Path(sys.executable).with_name("schemathesis")), "run", "docs.json", "--url", f"http://127.0.0.1:{port}"]
        options = [
            "--checks",
            ",".join(CHECKS),
            "--phases",
            "examples,coverage,fuzzing,stateful",
            "--max-examples",
            str(EXAMPLES),
        ]
        key_header = ["--header", f"authorization: Bearer {key}", "--continue-on-failure", "--seed", "1"]
        result = subprocess.run([*program, *options, *key_header], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-2000:]
