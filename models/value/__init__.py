"""Lifetime value: value models, their protocol, intervals and the portfolio total."""
