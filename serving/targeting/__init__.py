"""From scores to actions: eligibility rules, expected gains, budgets, caps, and the control group."""
