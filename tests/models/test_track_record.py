import pytest

from models.track_record import Standing, TrackRecord

TESTED = TrackRecord(90, origins=4, rows=9_000, churned=5_000, auc=0.78, low=0.77, high=0.79)


@pytest.mark.parametrize(
    ("record", "standing", "supports_gains"),
    [
        (TrackRecord(90), Standing.NEVER, False),
        (TESTED, Standing.TESTED, True),
        (TrackRecord(90, 1, 9_000, 5_000, 0.78, 0.77, 0.79), Standing.WEAK, True),
        (TrackRecord(90, 4, 200, 90, 0.7, 0.6, 0.8), Standing.WEAK, True),
        (TrackRecord(90, 4, 9_000, 20, 0.7, 0.6, 0.8), Standing.WEAK, True),
        (TrackRecord(90, 4, 9_000, 5_000, 0.51, 0.49, 0.53), Standing.CANNOT_RANK, False),
        (TrackRecord(90, 4, 9_000, 5_000, 0.5, 0.5, 0.5), Standing.CANNOT_RANK, False),
        (TrackRecord(90, 4, 9_000, 5_000, 0.44, 0.42, 0.47), Standing.CANNOT_RANK, False),
        (TrackRecord(90, 1, 9_000, 5_000, 0.55, 0.4, 0.7), Standing.CANNOT_RANK, False),
        (TrackRecord(90, 1, 43, 20, 0.55, 0.4, 0.7), Standing.NEVER, False),
        (TrackRecord(90, 1, 43, 20, 0.5, 0.4, 0.6), Standing.CANNOT_RANK, False),
    ],
)
def test_the_standing_follows_from_days_rows_and_the_interval(
    record: TrackRecord,
    standing: Standing,
    supports_gains: bool,  # noqa: FBT001  # a parameter of the cases
) -> None:
    assert record.standing is standing
    assert record.supports_gains is supports_gains
    assert ("No gain is promised" in record.sentence) is not supports_gains


def test_sentences_have_their_figures() -> None:
    assert TESTED.sentence == "Tested on 9,000 customer windows of 90 days from 4 past days: AUC 0.78 [0.77, 0.79]."
    one = TrackRecord(30, 1, 210, 100, 0.63, 0.53, 0.71).sentence
    assert one == "Weak evidence on 210 customer windows of 30 days from one past day: AUC 0.63 [0.53, 0.71]."


def test_too_few_customers_for_an_answer_are_named() -> None:
    assert TrackRecord(30, 1, 43, 20, 0.55, 0.4, 0.7).sentence == (
        "Never tested on enough customers: on 43 customer windows of 30 days from one past day, AUC 0.55 [0.40, 0.70], which may "
        "be chance (0.50) or a useful ranking. No gain is promised."
    )


def test_a_record_is_stored_as_data() -> None:
    assert TrackRecord.from_json(TESTED.to_json()) == TESTED
    assert TESTED.to_json()["standing"] == "tested"
