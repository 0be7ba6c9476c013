"""Order lines and purchases as the encoded, sorted frames that the feature families share."""
