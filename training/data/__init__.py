"""Training data: snapshots of past days, seasonal levels, experiments, and checks for leakage."""
