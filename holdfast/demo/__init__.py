"""Demo shops: the real CDNOW log, and a simulated retailer with a known truth."""
