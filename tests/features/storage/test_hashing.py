import polars as pl
import pytest

from features.storage.hashing import NO_IDS, HashedIds, hash_column, hash_of


def test_the_hash_is_that_of_the_standard() -> None:
    # RFC 4231, test case 2
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert hash_of("what do ya want for nothing?", "Jefe") == expected


@pytest.mark.parametrize("text", ["007", "7", "", "Zoë", "a\u0000b", "💩", "x" * 1_000])
def test_a_column_is_hashed_as_one_text_is(text: str) -> None:
    frame = pl.DataFrame({"id": [text, None]})
    assert frame.select(hash_column("id", "key")).to_series().to_list() == [hash_of(text, "key"), None]
    assert hash_of(text, "key") != hash_of(text, "other key")


def test_who_was_erased_is_known_again_and_nobody_else() -> None:
    erased = HashedIds("key", [hash_of("007", "key")])
    frame = pl.DataFrame({"customer_id": ["007", "7", None]})
    assert frame.select(erased.holds()).to_series().to_list() == [True, False, False]
    assert frame.select(NO_IDS.holds()).to_series().to_list() == [False, False, False]
