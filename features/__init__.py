"""Polars jobs: tables as of a date to one row per customer, and labels."""
