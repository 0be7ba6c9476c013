import polars as pl
import pytest

from features.storage.hashing import NO_IDS, HashedIds, hash_column, hash_text


def test_the_hash_equals_the_test_case_of_the_standard() -> None:
    # RFC 4231, test case 2
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert hash_text("what do ya want for nothing?", "Jefe") == expected


@pytest.mark.parametrize("text", ["007", "7", "", "Zoë", "a\u0000b", "💩", "x" * 1_000])
def test_a_column_is_hashed_like_a_single_text(text: str) -> None:
    frame = pl.DataFrame({"id": [text, None]})
    assert frame.select(hash_column("id", "key")).to_series().to_list() == [hash_text(text, "key"), None]
    assert hash_text(text, "key") != hash_text(text, "other key")


def test_erased_customers_are_recognised_and_no_others() -> None:
    erased = HashedIds("key", [hash_text("007", "key")])
    frame = pl.DataFrame({"customer_id": ["007", "7", None]})
    assert frame.select(erased.holds()).to_series().to_list() == [True, False, False]
    assert frame.select(NO_IDS.holds()).to_series().to_list() == [False, False, False]
