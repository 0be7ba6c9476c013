"""Training data: snapshots of past days, seasonal offsets, experiments, and checks for leakage."""
