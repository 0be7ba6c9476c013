"""The OpenAPI document: servers, words, meanings, and errors only where they come."""

from typing import Any

import pytest

from serving.app import make_api
from serving.schemas.lists import LIST_COLUMNS
from serving.schemas.meanings import MEANINGS, WORDS
from serving.schemas.scores import SCORE_COLUMNS


@pytest.fixture(scope="module")
def document() -> Any:  # noqa: ANN401  # JSON
    return make_api().openapi()


def test_the_servers_are_the_version_and_the_old_paths(document: Any) -> None:  # noqa: ANN401
    assert [server["url"] for server in document["servers"]] == ["/v1", "/"]


def test_every_column_has_a_meaning(document: Any) -> None:  # noqa: ANN401
    assert set(SCORE_COLUMNS) | set(LIST_COLUMNS) <= set(MEANINGS)
    score = document["components"]["schemas"]["Score"]["properties"]
    assert all(score[name]["description"] == MEANINGS[name] for name in SCORE_COLUMNS)


def test_columns_with_few_words_are_enums(document: Any) -> None:  # noqa: ANN401
    schemas = document["components"]["schemas"]
    for schema in ("Score", "ListRow"):
        for name in WORDS.keys() & schemas[schema]["properties"].keys():
            field = schemas[schema]["properties"][name]
            words = field["enum"] if "enum" in field else field["anyOf"][0]["enum"]
            assert words == list(WORDS[name]), name
    assert schemas["Reason"]["properties"]["direction"]["enum"] == ["raises", "lowers"]


def test_404_is_documented_where_a_path_names_something(document: Any) -> None:  # noqa: ANN401
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            names_something = "{" in path or (path, method) == ("/suppressions", "post")  # its body names a customer
            assert ("404" in operation["responses"]) == names_something, path


def test_an_open_route_documents_no_key(document: Any) -> None:  # noqa: ANN401
    for path in ("/livez", "/readyz"):
        assert not {"401", "403", "404", "429"} & document["paths"][path]["get"]["responses"].keys()
