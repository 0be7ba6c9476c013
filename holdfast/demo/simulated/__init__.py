"""A simulated retailer with brands, complaints, surveys and contacts, and a known truth behind every customer.

All of it is invented, and it is called simulated wherever it appears.
"""
