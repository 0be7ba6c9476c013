"""A simulated retailer: brands, complaints, surveys, contacts, and a known truth behind every customer.

Everything in it is made up. It is called simulated wherever it appears.
"""
