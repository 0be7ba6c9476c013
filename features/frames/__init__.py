"""Order lines and purchases as encoded, sorted frames that the feature families share."""
