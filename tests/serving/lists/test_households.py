"""Weeks of lists in a shop of households: whoever shares one with a held-out customer is not treated by marketing."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from features.tables.schema import Tables
from serving.lists.holds import hold_of_customer, household_rows
from serving.lists.weekly import WeeklyList, build_list, plan_week
from serving.privacy.workspace_key import workspace_secret
from serving.schemas.candidates import TARGET_COLUMNS
from serving.schemas.iso_weeks import list_start, week_of
from serving.schemas.list_kind import ListKind
from serving.schemas.scores import SCORE_COLUMNS
from serving.scoring.units import build_units
from serving.store.engine import open_store
from serving.store.lists.issued import IssuedList, issued_lists
from serving.store.lists.issuing import store_list
from serving.store.lists.of_customers import customer_list_rows
from serving.store.lists.precedence import effective_lists
from serving.store.publish import publish
from serving.store.runs import current_run
from serving.store.schema import LIST_ROWS, METADATA
from serving.store.units import read_units
from serving.targeting.exclusions import Exclusion
from serving.targeting.holds import Hold
from serving.targeting.plan import ListBounds
from serving.targeting.rules import Target
from serving.targeting.units import unit_key
from settings.load import load_settings
from settings.sections import Action, Settings, TableSources, Targeting, Workspace

START, PAUSE, HOLD = date(2026, 1, 5), 14, 63
MARKETING = (ListKind.AT_RISK, ListKind.WIN_BACK)
TARGETING = Targeting(
    control_share=0.4,
    global_control_share=0.1,
    pause_days=PAUSE,
    control_hold_days=HOLD,
    actions=(
        Action("mail", "retention", cost=1.0, save_rate=0.1),
        Action("return", "win_back", cost=1.0, save_rate=0.1),
        Action("apology", "recovery", cost=1.0, save_rate=0.1, owner="service"),
    ),
)
KINDS = ("retention", "retention", "win_back", "win_back", "recovery", "nurture", "gone")


@dataclass
class Shop:
    """A shop without models: each week has its customers, with random targets and values."""

    settings: Settings
    engine: sa.Engine
    people: pl.DataFrame  # customer_id, household, contact_point
    rng: np.random.Generator
    kinds: tuple[str, ...] = KINDS
    contacted_share: float = 0.05
    past: dict[int, pl.DataFrame] = field(default_factory=dict)  # the people of each run

    def publish_week(self, day: date) -> None:
        """Publish a run in which everyone has another target; customers of the kind `gone` have no score."""
        target = pl.Series("target", ["nurture", *self.rng.choice(self.kinds, self.people.height - 1)])
        value, consents = self.rng.uniform(20, 90, self.people.height), self.rng.random(self.people.height) < 0.9
        contacted = pl.Series(np.where(self.rng.random(self.people.height) < self.contacted_share, 3, 200))
        frame = self.people.with_columns(
            target,
            pl.Series("value_if_stays", value),
            pl.Series("contacted_days", contacted, dtype=pl.Int64),
            pl.when(pl.Series(consents)).then(pl.lit(None, pl.String)).otherwise(pl.lit("no_consent")).alias("barred"),
        )
        known = frame.filter(pl.col("target") != "gone")
        targets = known.filter(pl.col("target") != "nurture").sort("customer_id")
        targets = targets.select(
            (pl.col(name) if name in {"customer_id", "target", "barred", "contacted_days"} else pl.lit(None))
            .cast(dtype)
            .alias(name)
            for name, dtype in TARGET_COLUMNS.items()
        )
        tables = Tables(transactions=pl.LazyFrame(), customers=self.people.lazy())
        key = unit_key(workspace_secret(self.settings.secret_path, self.engine))
        units = build_units(tables, known.select("customer_id", "contacted_days"), targets["customer_id"], key)
        run = publish(self.engine, scores(known, day), HOLD, targets=targets, units=units)
        self.past[run.run_id] = self.people

    def issue_week(self, day: date, kinds: tuple[ListKind, ...] = tuple(ListKind), budget: float | None = None) -> None:
        """Plan the week of a day from the current run and issue its lists."""
        week = week_of(day)
        bounds = None if budget is None else dict.fromkeys(kinds, ListBounds(budget))
        plan = plan_week(self.settings, self.engine, week, bounds)
        counts = plan.plan.frame["left_out"]
        assert counts.is_null().sum() + counts.drop_nulls().len() == plan.plan.frame.height
        for kind in kinds:
            weekly = build_list(self.engine, plan, kind, budget=budget)
            assert weekly.summary["candidates"] == weekly.summary["rows"] + sum(weekly.summary["left_out"].values())
            store_weekly(self.engine, weekly)

    def exclusions(self, day: date) -> dict[str, tuple[str, str | None]]:
        """Return each candidate's target and why the plan of a day's week has the customer on no list."""
        frame = plan_week(self.settings, self.engine, week_of(day)).plan.frame
        return {
            who: (target, left_out) for who, target, left_out in frame.select("customer_id", "target", "left_out").iter_rows()
        }

    def hold(self, customer: str, target: str, day: date) -> Hold | None:
        """Return the hold on the customer's page."""
        with self.engine.connect() as connection:
            run = current_run(connection)
        others = household_rows(self.engine, run, customer, self.settings)
        own = customer_list_rows(self.engine, customer)
        return hold_of_customer(own, Target(target), day, self.settings.targeting, others)

    def rows(self, kinds: tuple[ListKind, ...] = MARKETING) -> pl.DataFrame:
        """Return the rows that count as acted on, with the start of the list and the run."""
        columns = ("list_id", "customer_id", "arm", "unit")
        effective = [issued for issued in effective_lists(self.engine) if issued.kind in kinds]
        lists = pl.DataFrame(
            [(issued.list_id, list_start(issued.week, issued.data_as_of), issued.run_id) for issued in effective],
            schema={"list_id": pl.String, "start": pl.Date, "run_id": pl.Int64},
            orient="row",
        )
        with self.engine.connect() as connection:
            stored = [tuple(row) for row in connection.execute(sa.select(*(LIST_ROWS.c[name] for name in columns)))]
        rows = pl.DataFrame(stored, schema=dict.fromkeys(columns, pl.String), orient="row")
        return rows.join(lists, on="list_id")


def scores(known: pl.DataFrame, day: date) -> pl.DataFrame:
    cells = {
        "as_of": day,
        "scored_at": datetime(2026, 1, 1),
        "model_version": "1",
        "horizon_days": HOLD,
        "currency": "EUR",
        "p_churn": 0.8,
        "orders": 4,
        "recency_days": 80,
        "status": "existing",
        "relationship_level": "basic",
        "value_if_leaves": 0.0,
        "action": "none",
        "open_complaints": 1,
    }
    own = {"customer_id", "value_if_stays"}
    return known.select(
        (pl.col(name) if name in own else pl.lit(cells.get(name))).cast(dtype).alias(name)
        for name, dtype in SCORE_COLUMNS.items()
    )


def store_weekly(engine: sa.Engine, weekly: WeeklyList) -> None:
    number = len(issued_lists(engine, weekly.kind, weekly.week)) + 1
    list_id = f"{weekly.list_id}-{number}"
    issued = IssuedList(
        list_id=list_id,
        number=number,
        kind=weekly.kind,
        week=weekly.week,
        run_id=weekly.run.run_id,
        data_as_of=weekly.run.as_of,
        model_version="1",
        horizon_days=HOLD,
        row_limit=weekly.row_limit,
        budget=weekly.budget,
        content=list_id,
        rows=weekly.frame.height,
        issued_at=datetime(2026, 1, 1),
        issued_by="ann",
    )
    store_list(engine, issued, weekly.frame.with_columns(pl.lit(list_id).alias("list_id")).hstack(weekly.expected), weekly.links)


def households_of(people: pl.DataFrame) -> dict[str, frozenset[str]]:
    """Return who belongs together with each customer, found by growing groups until none grows."""
    groups = {customer: frozenset({customer}) for customer in people["customer_id"]}
    shared = [group for name in ("household", "contact_point") for (_,), group in people.drop_nulls(name).group_by(name)]
    changed = True
    while changed:
        changed = False
        for group in shared:
            joined = frozenset().union(*(groups[customer] for customer in group["customer_id"]))
            if any(groups[customer] != joined for customer in joined):
                groups |= dict.fromkeys(joined, joined)
                changed = True
    return groups


def treated_too_early(shop: Shop, rows: pl.DataFrame, arm: str, days: int, *, then: bool) -> list[tuple[Any, ...]]:
    """Return the rows of an arm after which marketing treated someone of the household, as it was `then` or later, in `days`."""
    distinct = {id(people): households_of(people) for people in {id(frame): frame for frame in shop.past.values()}.values()}
    groups = {run_id: distinct[id(people)] for run_id, people in shop.past.items()}
    violations = []
    treated = rows.filter(arm="treated").to_dicts()
    for row in rows.filter(arm=arm).to_dicts():
        for other in treated:
            waited = (other["start"] - row["start"]).days
            is_same = other["list_id"] == row["list_id"] and other["customer_id"] == row["customer_id"]
            run_id = row["run_id"] if then else other["run_id"]
            members = groups[run_id].get(row["customer_id"], {row["customer_id"]})
            if 0 <= waited < days and not is_same and other["customer_id"] in members:
                violations.append((row["list_id"], row["customer_id"], other["list_id"], other["customer_id"]))
    return violations


def people_of(households: list[int | None], contacts: list[int | None]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "customer_id": [f"c{n:04}" for n in range(len(households))],
            "household": [None if value is None else f"House {value}" for value in households],
            "contact_point": [None if value is None else f"m{value}@example.com" for value in contacts],
        },
        schema=dict.fromkeys(("customer_id", "household", "contact_point"), pl.String),
    )


def settings_in(folder: Path, engine: sa.Engine, targeting: Targeting = TARGETING) -> Settings:
    url = engine.url.render_as_string(hide_password=False)
    base = Settings(tables=TableSources(transactions="orders.csv"), workspace=Workspace(path=folder), targeting=targeting)
    return replace(base, serving=replace(base.serving, store=url))


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, sa.Engine]]:
    folder = tmp_path_factory.mktemp("households")
    engine = open_store(f"sqlite:///{folder}/scores.db")
    yield folder, engine
    engine.dispose()


def emptied(engine: sa.Engine) -> sa.Engine:
    with engine.begin() as connection:
        for name in sa.inspect(connection).get_table_names():
            if name.split("_")[0] in {"scores", "targets", "units"}:
                connection.execute(sa.text(f"drop table {name}"))
        for table in reversed(METADATA.sorted_tables):
            if table.name in {"scoring_runs", "lists", "list_rows", "unit_links"}:
                connection.execute(table.delete())
    return engine


GROUP = st.one_of(st.none(), st.integers(0, 5))
PEOPLE = st.lists(st.tuples(GROUP, GROUP), min_size=4, max_size=14)
WEEKS = st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=3, max_size=7)
EXAMPLES = hypothesis_settings(
    max_examples=int(os.environ.get("HOLDFAST_HOUSEHOLD_EXAMPLES", "15")),
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink an example takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.mark.slow
@EXAMPLES
@given(people=PEOPLE, weeks=WEEKS, seed=st.integers(0, 2**32 - 1), moves=st.booleans())
@example(people=[(1, None)] * 6, weeks=[(True, True, True)] * 5, seed=1, moves=False)
def test_no_member_of_a_held_out_household_is_treated_in_any_week(
    shared_store: tuple[Path, sa.Engine],
    people: list[tuple[int | None, int | None]],
    weeks: list[tuple[bool, bool, bool]],
    seed: int,
    moves: bool,  # noqa: FBT001  # hypothesis passes keywords
) -> None:
    """`weeks` says whether one kind is issued again, with a budget; whether a new run comes in the week; and who is away."""
    folder, engine = shared_store
    everyone = people_of([household for household, _ in people], [contact for _, contact in people])
    shop = Shop(settings_in(folder, engine), emptied(engine), everyone, np.random.default_rng(seed))
    for number, (again, new_run, some_away) in enumerate(weeks):
        day = START + timedelta(weeks=number)
        is_here = pl.Series(shop.rng.random(everyone.height) < (0.7 if some_away else 1.0))
        if moves:
            moved = shop.rng.random(everyone.height) < 0.2
            other = people_of(*(shop.rng.integers(0, 6, everyone.height).tolist() for _ in range(2)))
            everyone = pl.concat([everyone.filter(~pl.Series(moved)), other.filter(pl.Series(moved))]).sort("customer_id")
        shop.people = everyone.filter(is_here) if is_here.any() else everyone
        shop.publish_week(day)
        shop.issue_week(day)
        if new_run:
            shop.publish_week(day + timedelta(days=2))
            shop.issue_week(day + timedelta(days=2))
        if again:
            shop.issue_week(day, (ListKind(shop.rng.choice([str(kind) for kind in ListKind])),), budget=3.0)
    rows = shop.rows()
    assert rows.group_by("list_id", "unit").len()["len"].max() in {None, 1}
    assert treated_too_early(shop, rows, "control", HOLD, then=False) == []
    assert treated_too_early(shop, rows, "treated", PAUSE, then=False) == []
    assert treated_too_early(shop, rows, "control", HOLD, then=True) == []
    assert treated_too_early(shop, rows, "treated", PAUSE, then=True) == []


@pytest.mark.slow
def test_no_held_out_household_is_treated_in_sixteen_weeks(store: sa.Engine, tmp_path: Path) -> None:
    rng = np.random.default_rng(19)
    sizes = rng.choice([1, 2, 3], 500, p=[0.2, 0.5, 0.3])
    number = np.repeat(np.arange(len(sizes)), sizes)
    by_mail = rng.random(len(number)) < 0.5  # half of them are linked by contact point instead, some by both
    people = people_of(
        [None if mail else int(n) for n, mail in zip(number, by_mail, strict=True)],
        [int(n) if mail or rng.random() < 0.3 else None for n, mail in zip(number, by_mail, strict=True)],
    )
    targeting = replace(TARGETING, control_share=0.1, global_control_share=0.02, control_hold_days=None)
    shop = Shop(settings_in(tmp_path, store, targeting), store, people, rng, kinds=(*KINDS, "nurture", "nurture"))
    for week in range(16):
        day = START + timedelta(weeks=week)
        shop.publish_week(day)
        shop.issue_week(day)
    rows = shop.rows()
    held_out = rows.filter(arm="control")
    assert held_out.height > 100
    assert rows.filter(arm="treated").height > 1_000
    assert rows["unit"].null_count() == 0
    assert treated_too_early(shop, rows, "control", HOLD, then=True) == []
    assert treated_too_early(shop, rows, "treated", PAUSE, then=True) == []


@pytest.mark.slow
def test_plan_and_page_agree_on_the_holds_of_households(store: sa.Engine, tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    number = [int(n) for n in np.repeat(np.arange(20), 3)]
    people = people_of(
        [n if row % 3 else None for row, n in enumerate(number)], [n if row % 3 < 2 else None for row, n in enumerate(number)]
    )
    shop = Shop(settings_in(tmp_path, store), store, people, rng, ("retention", "win_back", "nurture"), contacted_share=0.0)
    compared = []
    for week in range(4):
        day = START + timedelta(weeks=week)
        shop.publish_week(day)
        for is_issued in (False, True):
            if is_issued:
                shop.issue_week(day)
            for customer, (target, left_out) in shop.exclusions(day).items():
                if left_out in {Exclusion.NO_CONSENT, Exclusion.NOT_WORTH_IT, Exclusion.NO_ACTION}:
                    continue
                hold = shop.hold(customer, target, day)
                compared.append((left_out, hold and hold.of_household, hold and hold.is_control))
                if left_out in {Exclusion.HELD_OUT, Exclusion.CONTACTED}:
                    assert hold is not None
                    assert hold.is_control == (left_out == Exclusion.HELD_OUT)
                elif left_out == Exclusion.HOUSEHOLD:
                    assert is_issued == (hold is not None)  # before the list is issued, no list holds the others
                else:
                    assert hold is None or (is_issued and hold.is_control and not hold.of_household)  # the list's own control
    assert {(Exclusion.HELD_OUT, True, True), (Exclusion.CONTACTED, True, False), (Exclusion.HOUSEHOLD, True, False)} <= set(
        compared
    )


def test_score_and_list_keep_households_together_and_store_no_address(
    workshop: Path, holdfast: Callable[..., tuple[int, str, str]]
) -> None:
    path = workshop.parent / "data" / "customers.parquet"
    customers = pl.read_parquet(path).sort("customer_id").with_row_index("row")
    street, mail = pl.format("Planted Street {}", pl.col("row") // 3), pl.format("Planted{}@example.com", "row")
    customers.with_columns(street.alias("household"), mail.alias("contact_point")).drop("row").write_parquet(path)
    for command in (("score",), ("list", "--kind", "win_back")):
        code, _, errors = holdfast(*command, "--config", workshop, "--override", "test")
        assert code == 0, errors
    engine = open_store(load_settings(workshop, {}).store_url)
    newest = max(issued_lists(engine, "win_back"), key=lambda issued: issued.run_id)
    with engine.connect() as connection:
        stored = connection.scalars(sa.select(LIST_ROWS.c.unit).where(LIST_ROWS.c.list_id == newest.list_id)).all()
    units = read_units(engine, newest.run_id)
    engine.dispose()
    assert units.group_by("unit").len()["len"].max() == 3
    assert units["unit"].n_unique() == -(-customers.height // 3)
    assert len(set(stored)) == len(stored) > 0
    assert set(stored) <= set(units["unit"])
    for file in (path for path in workshop.parent.rglob("*.db*") if path.is_file()):
        assert b"planted" not in file.read_bytes().lower(), file
