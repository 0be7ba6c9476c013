"""The checks of a load against the accepted load: amounts, history and ids of a whole source."""

from expectations.check import Check
from expectations.measures.load_rows import MANY
from expectations.rows.filter import amount_column
from features.tables.schema import Table
from settings.checks import TableChecks, TransactionChecks

ACCEPT = 'Correct the export; if the change is right, accept the load with --override "reason" (train, score or run).'
CHANGES = ("gone_orders", "restated_orders", "reassigned_orders", "gone_rows", "gone_customers", "lost_history")


def load_checks(table: Table, limits: TableChecks) -> list[Check]:
    """Return the checks that compare a load with the accepted one; the first that fails names what most likely happened."""
    has_money = amount_column([column.name for column in table.columns]) is not None
    own = _order_checks(limits) if isinstance(limits, TransactionChecks) else [*_link_checks(limits), *_row_checks(limits)]
    return [
        Check("damaged_profile", "The profile of the accepted load is readable; else this load is not compared", high=0),
        *(_amount_checks(limits) if has_money else []),
        *own,
        *_shares("gone_customers", "customers", "are gone", limits),
        *_history_checks(table.name, limits),
        *([_period_totals(limits)] if has_money else []),
    ]


def _amount_checks(limits: TableChecks) -> list[Check]:
    bound, new_bound = limits.max_amount_factor, limits.max_new_amount_factor
    return [
        _factor("typical_amount", "The typical amount of the same days is that of the accepted load", bound),
        _factor("new_amounts", "The typical amount of new rows and of each file is that of the accepted load", new_bound),
    ]


def _period_totals(limits: TableChecks) -> Check:
    return _factor("period_totals", "Totals of past days are those of the accepted load", limits.max_total_factor)


def _order_checks(limits: TransactionChecks) -> list[Check]:
    return [
        *_shares("reassigned_orders", "orders", "belong to another customer", limits),
        _gone_periods(),
        *_shares("gone_orders", "orders", "are gone", limits),
        *_shares("restated_orders", "orders", "have another amount", limits),
        Check(
            "returning_customers",
            f"The share of known customers among new orders is at least {limits.min_returning_customers:.0%} of what it was",
            low=limits.min_returning_customers,
            severity="stop",
            is_share=True,
            advice=f"Customer ids of new orders may have been renamed. {ACCEPT}",
        ),
    ]


def _row_checks(limits: TableChecks) -> list[Check]:
    return [_gone_periods(), *_shares("gone_rows", "rows", "are gone", limits)]


def _link_checks(limits: TableChecks) -> list[Check]:
    return [
        Check(
            "lost_links",
            f"At most {limits.max_lost_links:.0%} of the customers that the orders knew in the accepted load are now unknown",
            high=limits.max_lost_links,
            severity="stop",
            is_share=True,
            advice=f"Customer ids may have been renamed in this table or in the orders. {ACCEPT}",
        ),
        Check(
            "unlinked_new_rows",
            f"The share of new rows whose customer the orders know fell by at most {limits.max_unlinked_new_rows:.0%}",
            high=limits.max_unlinked_new_rows,
            severity="stop",
            is_share=True,
            advice=f"Customer ids of new rows may have been renamed. {ACCEPT}",
        ),
    ]


def _gone_periods() -> Check:
    sentence = "No month of the accepted load lost more than half of its rows"
    advice = f"A file or a part of the export may be missing. {ACCEPT}"
    return Check("gone_periods", sentence, high=0, severity="stop", advice=advice)


def _history_checks(table: str, limits: TableChecks) -> list[Check]:
    rolling = f"If the export keeps only the newest months, raise checks.{table}.max_lost_history."
    return [
        Check(
            "lost_history",
            f"At most {limits.max_lost_history:.0%} of the accepted load is from days before this load starts",
            high=limits.max_lost_history,
            severity="stop",
            is_share=True,
            advice=f"{rolling} Else: {ACCEPT[0].lower()}{ACCEPT[1:]}",
        ),
        Check(
            "shorter_history",
            f"The history is shorter than in the accepted load by at most {limits.max_shorter_history} days",
            high=limits.max_shorter_history,
            advice=f"The oldest file may be missing; if the export drops whole months, raise checks.{table}.max_shorter_history.",
        ),
    ]


def _factor(name: str, sentence: str, bound: float) -> Check:
    return Check(name, f"{sentence}, up to a factor of {bound:g}", high=bound, severity="stop", advice=ACCEPT)


def _shares(name: str, rows: str, predicate: str, limits: TableChecks) -> list[Check]:
    """Return two checks of one share: above the smaller bound a warning, above the larger one a stop."""
    smaller, larger = getattr(limits, f"max_{name}"), getattr(limits, f"stop_{name}")
    sentence = f"of the {rows} of the accepted load {predicate}"
    return [
        Check(f"{MANY}{name}", f"At most {larger:.0%} {sentence}", high=larger, severity="stop", is_share=True, advice=ACCEPT),
        Check(name, f"At most {smaller:.0%} {sentence}", high=smaller, is_share=True),
    ]
