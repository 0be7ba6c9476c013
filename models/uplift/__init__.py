"""Uplift of an action: effects estimated from customers treated or held out at random, and the profit of acting on them."""
