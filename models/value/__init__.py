"""Value models, their protocol and intervals, lifetime value, and the portfolio total."""
