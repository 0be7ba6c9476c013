"""Who responds to an action: effects learned from customers treated and held out at random, and what acting on them is worth."""
