"""What the lists earned: issued rows, what their customers did since, and the difference that treating made."""
