"""Plans by household: who shares one with a customer of an earlier list, also when that customer is no candidate any more."""

from typing import Any

import polars as pl
import pytest

from features.storage.hashing import hash_text
from serving.store.lists.of_customers import EARLIER_COLUMNS
from serving.store.targets import CANDIDATE_COLUMNS
from serving.targeting.exclusions import Exclusion
from serving.targeting.plan import ListBounds, Plan, PlanInputs, make_plan
from serving.targeting.rules import Target
from serving.targeting.units import NO_UNITS, UNIT_COLUMNS, links_of_rows, unit_key
from settings.sections import Action, Targeting

KEY = b"k" * 32
ACTIONS = (
    Action("mail", "retention", cost=1.0, save_rate=0.1),
    Action("return", "win_back", cost=1.0, save_rate=0.1),
    Action("apology", "recovery", cost=1.0, save_rate=0.1, owner="service"),
)
CANDIDATE = {"target": "retention", "status": "existing", "relationship_level": "basic", "orders": 4, "p_churn": 0.8}
HELD, TREATED = ("retention", "control", 7, 90, False), ("retention", "treated", 7, 90, False)
OWN_TREATED, OWN_CONTROL = ("retention", "treated", 0, 90, True), ("retention", "control", 0, 90, True)


def candidates(**people: dict[str, Any]) -> pl.DataFrame:
    values = {"value_if_stays": 100.0, "value_if_leaves": 0.0, "value_at_risk": 80.0, "open_complaints": 1}
    rows = [{"customer_id": customer} | CANDIDATE | values | cells for customer, cells in people.items()]
    return pl.DataFrame([{name: row.get(name) for name in CANDIDATE_COLUMNS} for row in rows], schema=CANDIDATE_COLUMNS)


def units(*rows: tuple[str, str, str, int | None]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=UNIT_COLUMNS, orient="row")


def together(*customers: str, unit: str = "u", links: str | None = None) -> pl.DataFrame:
    return units(*((customer, unit, links or unit, None) for customer in customers))


def earlier(*rows: tuple[Any, ...]) -> pl.DataFrame:
    """Return earlier rows of customer, list (as HELD) and unit."""
    return pl.DataFrame([(who, *of_list, unit) for who, of_list, unit in rows], schema=EARLIER_COLUMNS, orient="row")


def plan(people: pl.DataFrame, past: pl.DataFrame, groups: pl.DataFrame = NO_UNITS, share: float = 0.0) -> Plan:
    targets = (Target.RECOVERY, Target.RETENTION, Target.WIN_BACK)
    inputs = PlanInputs(
        targeting=Targeting(control_share=share, global_control_share=share / 5, actions=ACTIONS),
        key=KEY,
        draws={target: f"{target}-w" for target in targets},
        bounds=dict.fromkeys(targets, ListBounds(None)),
        control_hold_days=90,
    )
    return make_plan(people, past, pl.lit(value=False), inputs, groups)


def reasons(people: pl.DataFrame, past: pl.DataFrame, groups: pl.DataFrame = NO_UNITS) -> dict[str, str | None]:
    return dict(plan(people, past, groups).frame.select("customer_id", "left_out").iter_rows())


def test_a_member_who_is_no_candidate_any_more_still_protects_and_pauses_the_household() -> None:
    """The held-out or treated member bought, withdrew consent, or has no score: it is in the unit, not among the candidates."""
    people, groups = candidates(b={}, d={}), pl.concat([together("a", "b"), together("c", "d", unit="v")])
    actual = reasons(people, earlier(("a", HELD, "u"), ("c", TREATED, "v")), groups)
    assert actual == {"b": Exclusion.HELD_OUT, "d": Exclusion.CONTACTED}


@pytest.mark.parametrize("who", ["gone", None])
def test_the_unit_of_a_row_protects_the_household_of_a_customer_who_left_changed_id_or_was_erased(who: str | None) -> None:
    assert reasons(candidates(b={}), earlier((who, HELD, "u")), together("b", links="t u")) == {"b": Exclusion.HELD_OUT}


def test_a_hold_follows_the_customer_and_stays_with_the_household_left_behind() -> None:
    groups = pl.concat([together("a", "new", unit="v"), together("left")])
    actual = reasons(candidates(a={}, new={}, left={}, other={}), earlier(("a", HELD, "u")), groups)
    assert actual == {"a": Exclusion.HELD_OUT, "new": Exclusion.HELD_OUT, "left": Exclusion.HELD_OUT, "other": None}


def test_a_former_member_is_held_out_by_the_household_of_then_whatever_changed_since() -> None:
    """`b` moved and changed the contact point, and `c` was a member only through `b`; the listed customer is gone."""
    then = together("a", "b", "c", unit="u", links="u t")
    first = plan(candidates(a={}), earlier(), then)
    stored = links_of_rows(first.frame, first.links)["link"].to_list()
    assert len(stored) == 4  # two addresses, and the ids of b and c; that of the listed customer is in the row
    now = pl.concat([together("b", unit="new"), together("c", unit="other"), together("d", unit="new")])
    actual = reasons(candidates(b={}, c={}, d={}, e={}), earlier(("a", HELD, " ".join(stored))), now)
    assert actual == {"b": Exclusion.HELD_OUT, "c": Exclusion.HELD_OUT, "d": Exclusion.HELD_OUT, "e": None}
    alone = reasons(candidates(b={}, e={}), earlier(("a", HELD, " ".join(stored))))
    assert alone == {"b": Exclusion.HELD_OUT, "e": None}  # also without any household now


def test_a_customer_without_household_or_contact_point_has_no_links_to_store() -> None:
    first = plan(candidates(a={}, b={}), earlier())
    assert links_of_rows(first.frame, first.links).is_empty()


def test_households_that_merge_are_held_out_if_one_of_them_was() -> None:
    merged = units(("a", "u", "u", None), ("b", "u", "u v", None), ("c", "u", "v", None))
    actual = reasons(candidates(b={}, c={}), earlier(("a", HELD, "u"), ("c", TREATED, "v")), merged)
    assert actual == {"b": Exclusion.HELD_OUT, "c": Exclusion.HELD_OUT}


def test_rows_of_earlier_versions_name_no_unit_and_hold_the_present_household_of_their_customer() -> None:
    assert reasons(candidates(b={}), earlier(("a", HELD, None)), together("a", "b")) == {"b": Exclusion.HELD_OUT}


def test_contacts_of_members_who_are_no_candidates_pause_marketing_and_not_service() -> None:
    groups = units(("a", "u", "u", 3), ("b", "u", "u", None), ("c", "v", "v", 3), ("d", "v", "v", 90), ("e", "w", "w", 20))
    actual = reasons(
        candidates(b={}, d={"target": "recovery", "contacted_days": 90}, e={"contacted_days": 20}), earlier(), groups
    )
    assert actual == {"b": Exclusion.CONTACTED, "d": None, "e": None}


def test_one_customer_of_a_chain_is_on_the_lists_of_a_week() -> None:
    chain = units(("a", "u", "u", None), ("b", "u", "u v", None), ("c", "u", "v w", None), ("d", "u", "w", None))
    people = candidates(a={}, b={"target": "recovery"}, c={"target": "win_back"}, d={})
    assert reasons(people, earlier(), chain) == {"a": "household", "b": None, "c": "household", "d": "household"}


def test_service_and_marketing_look_at_their_own_lists_of_the_household_only() -> None:
    groups = together("a", "b")
    assert reasons(candidates(b={"target": "recovery"}), earlier(("a", HELD, "u")), groups) == {"b": None}
    answered = ("recovery", "control", 7, 90, False)
    assert reasons(candidates(b={}), earlier(("a", answered, "u")), groups) == {"b": None}


@pytest.mark.parametrize("own", [OWN_TREATED, OWN_CONTROL])
def test_a_list_issued_again_keeps_its_customer_and_takes_no_other_of_the_household(own: tuple[Any, ...]) -> None:
    """The list was issued for `a`; it may have been acted on, so no other member is listed, also if `a` is no candidate now."""
    people = candidates(a={}, b={"value_if_stays": 500.0}, c={"target": "win_back", "value_if_stays": 900.0})
    groups = together("a", "b", "c")
    past = earlier(("a", own, "u"))
    assert reasons(people, past, groups) == {"a": None, "b": Exclusion.HOUSEHOLD, "c": Exclusion.HOUSEHOLD}
    gone = people.filter(pl.col("customer_id") != "a")
    assert reasons(gone, past, groups) == {"b": Exclusion.HOUSEHOLD, "c": Exclusion.HOUSEHOLD}
    complaint = gone.with_columns(pl.when(customer_id="b").then(pl.lit("recovery")).otherwise("target").alias("target"))
    assert reasons(complaint, past, groups) == {"b": None, "c": Exclusion.HOUSEHOLD}


def test_a_household_is_drawn_as_one_and_the_share_is_that_of_households() -> None:
    sizes = {f"c{n}": f"u{n // 3}" for n in range(12_000)}
    groups = units(*((customer, unit, unit, None) for customer, unit in sizes.items()))
    frame = plan(candidates(**{customer: {} for customer in sizes}), earlier(), groups, share=0.1).frame
    by_unit = frame.group_by("unit").agg(pl.col("held_by", "propensity").n_unique().name.suffix("s"), pl.col("held_by").first())
    assert by_unit.select(pl.col("held_bys", "propensitys").max()).row(0) == (1, 1)
    assert by_unit["held_by"].is_not_null().mean() == pytest.approx(0.1, abs=0.015)
    assert (by_unit["held_by"] == "global").sum() / by_unit.height == pytest.approx(0.02, abs=0.007)


def test_a_household_has_the_same_arm_whichever_member_is_a_candidate() -> None:
    names = [f"u{n}" for n in range(300)]
    groups = units(*((f"{member}{name}", name, name, None) for name in names for member in "ab"))
    arms = [
        plan(candidates(**{f"{member}{name}": {} for name in names}), earlier(), groups, share=0.5).frame["arm"].to_list()
        for member in "ab"
    ]
    assert arms[0] == arms[1]
    assert set(arms[0]) == {"treated", "control"}


def test_a_customer_alone_is_drawn_as_before_whatever_the_contact_point() -> None:
    people = candidates(**{f"c{n}": {} for n in range(200)})
    alone = units(*((f"c{n}", f"u{n}", f"u{n}", None) for n in range(200)))
    first, second = (plan(people, earlier(), groups, share=0.5).frame for groups in (NO_UNITS, alone))
    assert first["arm"].equals(second["arm"])
    assert second["unit"].to_list() == [f"u{n[1:]}" for n in second["customer_id"]]
    assert first["unit"][0] == hash_text(first["customer_id"][0], unit_key(KEY))[:32]


def test_the_runs_of_earlier_versions_know_the_households_of_candidates() -> None:
    people = candidates(a={"household": 1}, b={"household": 1, "contact_point": 2}, c={"contact_point": 2}, d={"household": 3})
    assert reasons(people, earlier(("c", HELD, None))) == dict.fromkeys("abc", Exclusion.HELD_OUT) | {"d": None}
    frame = plan(people, earlier(), share=0.5).frame
    assert frame.filter(pl.col("customer_id") != "d")["unit"].n_unique() == 1
    assert frame.filter(pl.col("customer_id") != "d")["arm"].n_unique() == 1


def test_thousands_who_share_a_placeholder_are_planned_in_time() -> None:
    """A plan must not compare every member with every other."""
    people = candidates(**{f"c{n}": {"contacted_days": n} for n in range(30_000)})
    groups = people.select("customer_id", pl.lit("u").alias("unit"), pl.lit("u").alias("links"), "contacted_days")
    past = earlier(*((f"c{n}", TREATED, "u") for n in range(3_000)))
    assert set(reasons(people, past, groups).values()) == {Exclusion.CONTACTED}
