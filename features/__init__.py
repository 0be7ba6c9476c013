"""Polars jobs that turn tables and an as-of date into one row of features per customer, and into labels."""
