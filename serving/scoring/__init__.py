"""Customers' scores, in batch and live, with reasons as sentences."""
