# loses: q2.3.step
# says: Training never updates the biases: update all four parameters.
# --- replace
                for name in ('W1', 'b1', 'W2', 'b2'):
# --- by
                for name in ('W1', 'W2'):
