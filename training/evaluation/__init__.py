"""Backtests, leaderboards, intervals and permutation tests."""
