"""From scores to whom to act on: rules, what each action gains, what a budget buys, caps, and who is held out."""
