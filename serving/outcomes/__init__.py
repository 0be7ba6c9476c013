"""What the lists earned: issued rows, their customers' orders since, and the effect of treatment."""
