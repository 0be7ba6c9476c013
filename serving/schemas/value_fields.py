"""What the fields of money mean, for the description of the API."""

VALUE_FIELDS: dict[str, str] = {
    "expected_value": "Expected margin over the value horizon, a mean, as things stand: with the risk of leaving.",
    "value_low": "10 % quantile of the value. The interval can exclude expected_value: both ends are 0 if an order is unlikely.",
    "value_high": "90 % quantile of the value; below expected_value, the mean, if only few such customers bring anything.",
    "value_if_stays": "Expected value given an order within the churn horizon: expected_value + value_at_risk.",
    "value_if_leaves": "Expected value given no order within the churn horizon.",
    "value_at_risk": "Expected loss: p_churn x (value_if_stays - value_if_leaves). It is not a part of expected_value.",
    "action_cost": "Cost of the action per customer.",
    "expected_gain": "Averted risk x (value_if_stays - value_if_leaves) - action_cost, over the value horizon. See basis.",
    "basis": "Whether the effect behind expected_gain is assumed or measured; list.evidence has what trials say about it.",
}
