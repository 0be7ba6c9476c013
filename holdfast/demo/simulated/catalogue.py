"""Products, brands, prices and regions of the simulated retailer."""

import numpy as np

CATEGORIES = ("coffee", "tea", "chocolate", "skin care", "laundry", "pet food")
BRANDS_PER_CATEGORY = 8
PRODUCTS_PER_BRAND = 5
REGIONS = ("north", "east", "south", "west", "centre")
STORES_PER_REGION = 3
TOPICS = ("delivery", "quality", "billing", "staff")
DIMENSIONS = ("reliability", "assurance", "tangibles", "empathy", "responsiveness")
BASE_PRICES = np.array([9.0, 6.0, 4.0, 14.0, 8.0, 18.0])
# Share of orders that go wrong, by region: poor service makes customers leave.
FAILURE_RATES = np.array([0.04, 0.05, 0.06, 0.08, 0.12])


def brand_names() -> np.ndarray:
    """Return the brand names, shape (categories, brands)."""
    letters = "ABCDEFGH"
    return np.array([[f"{category.title()} {letter}" for letter in letters[:BRANDS_PER_CATEGORY]] for category in CATEGORIES])


def prices() -> np.ndarray:
    """Return unit prices, shape (categories, brands, products): base price x brand tier x product size."""
    tier = np.linspace(0.7, 1.6, BRANDS_PER_CATEGORY)
    size = np.linspace(0.8, 1.5, PRODUCTS_PER_BRAND)
    return np.round(BASE_PRICES[:, None, None] * tier[None, :, None] * size[None, None, :], 2)
