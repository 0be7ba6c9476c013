"""Checks at the border: row rules, quarantine, and Great Expectations suites with their data docs."""
