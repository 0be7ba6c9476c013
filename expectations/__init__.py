"""Checks of tables and outputs: rules for rows, quarantine, and Great Expectations suites with their data docs."""
