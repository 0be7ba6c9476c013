"""Snapshots, backtests, metrics, comparison and promotion; the only folder that imports mlflow."""
