"""Demo shops: the real CDNOW log, and a simulated retailer whose truth is known."""
