"""Batch scoring, targeting, lists, the score store and the BentoML service."""
