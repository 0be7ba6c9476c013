"""Scores of customers, in batch and live, with reasons in sentences."""
