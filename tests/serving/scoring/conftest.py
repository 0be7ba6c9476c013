"""What the words of a reason say, judged from the text alone and without the code that wrote it."""

import re
from collections.abc import Callable

import pytest

Judge = Callable[[re.Match[str]], bool]  # whether the words raise the risk

WORDS: dict[str, Judge] = {
    r"No order for (\d+) days?; usually orders every (\d+) days?": lambda t: int(t[1]) > int(t[2]),
    r"Last order (\d+) days? ago; usually orders every (\d+) days?": lambda t: int(t[1]) > int(t[2]),
    r"No order for (\d+) days?; the two orders before were (\d+) days? apart": lambda t: int(t[1]) > int(t[2]),
    r"Last order (\d+) days? ago; the two orders before were (\d+) days? apart": lambda t: int(t[1]) > int(t[2]),
    r"No order for \d+ days? since the only one": lambda _: True,
    r"No order for (\d+) days? since the only one; repeat customers usually order every (\d+) days?": (
        lambda t: int(t[1]) > int(t[2])
    ),
    r"(?:First|Last) order only (\d+) days? ago": lambda t: int(t[1]) > 45,
    r"Usually orders only every (\d+) days?": lambda t: int(t[1]) > 90,
    r"Only two orders so far": lambda _: True,
    r"(\d+) orders so far": lambda t: int(t[1]) < 5,
    r"The last two orders were (\d+) days? apart; usually (\d+) days?": lambda t: int(t[1]) > int(t[2]),
    r"Spent (\d+) EUR in the last 90 days; (\d+) EUR in an average quarter of the last year": lambda t: int(t[1]) < int(t[2]),
    r"Spent nothing in the last 90 days; [1-9]\d* EUR in an average quarter of the last year": lambda _: True,
    r"Spent (\d+) EUR in the last 90 days": lambda t: int(t[1]) == 0,
    r"Spent nothing in the last 90 days|Bought nothing in the last year": lambda _: True,
    r"Returned more than was bought in the last 90 days": lambda _: True,
    r"Usually buys about (\d+) products per order": lambda t: int(t[1]) < 3,
    r"Usually buys one product at a time": lambda _: True,
    r"Share of .+ from (\d+) % to (\d+) %": lambda t: int(t[2]) < int(t[1]),
    r"Chose .+ in (?:only )?([1-9]\d*) % of the recent purchases": lambda t: int(t[1]) < 50,
    r"Chose .+ in none of the recent purchases": lambda _: True,
    r"Chose .+ in all recent purchases": lambda _: False,
    r"Others bought the products of the last order about (\d+) times each in the last 30 days": lambda t: int(t[1]) < 3,
    r"Hardly any other customer bought the products of the last order in the last 30 days": lambda _: True,
    r"Complaint open for \d+ days?": lambda _: True,
    r"The last settled complaint left the customer (dis)?satisfied": lambda t: t[1] is not None,
    r"Complained (?:once|twice|\d+ times)": lambda _: True,
    r"No complaint on record": lambda _: False,
    r"Last rating ([\d.]+) of 5; ([\d.]+) on average": lambda t: (
        (float(t[1]) < 4 and not (float(t[1]) >= 3 and float(t[1]) > float(t[2]))) or float(t[1]) <= float(t[2]) - 0.5
    ),
    r"Last rating ([\d.]+) of 5": lambda t: float(t[1]) < 3,
    r"Referred (?:one other customer|\d+ other customers)": lambda _: False,
    r"Contacted (?:once|twice|\d+ times) without a response": lambda _: True,
    r"Responded to the last contact": lambda _: False,
}


@pytest.fixture(scope="session")
def direction_of_words() -> Callable[[str], str]:
    """Return the direction that a sentence's own words and numbers point to."""

    def judge(text: str) -> str:
        for pattern, raises in WORDS.items():
            match = re.fullmatch(pattern, text)
            if match is not None:
                return "raises" if raises(match) else "lowers"
        raise AssertionError(text)

    return judge
