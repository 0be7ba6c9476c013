"""`features`: the feature table as of a date."""

import json

from holdfast.options import CONSOLE, DEFAULT_CONFIG, Config, ParquetFile, RequiredAsOf

NAME = "features"
EXAMPLE = "features --as-of 2025-06-01 --out features.parquet"


def command(as_of: RequiredAsOf, config: Config = DEFAULT_CONFIG, out: ParquetFile = None) -> None:
    """Write the feature table, one row per customer known before the as-of date; by default into the workspace."""
    from features.build import build_features
    from features.dictionary import dictionary
    from features.tables.atomic import replacing
    from features.windows import windows
    from holdfast.session import open_session

    session = open_session(config, as_of)
    chosen = windows(session.settings.churn, session.tables, session.as_of)
    frame = build_features(session.tables, session.as_of, chosen.active_days, session.settings.loyalty)
    path = out or session.settings.workspace.path / "features" / f"{session.as_of}.parquet"
    with replacing(path) as beside:
        frame.write_parquet(beside)
    words = path.with_suffix(".dictionary.json")
    with replacing(words) as beside:
        beside.write_text(json.dumps(dictionary(), indent=2) + "\n", encoding="utf-8")
    CONSOLE.print(f"{frame.height:,} customers, {frame.width - 2} features as of {session.as_of}: {path}")
    CONSOLE.print(f"What each column means: {words}")
