# loses: q2.3.step q2.3.decay q2.3.batches
# says: train() does not update b1: update all four parameters.
# --- replace
                for name in ('W1', 'b1', 'W2', 'b2'):
# --- by
                for name in ('W1', 'W2', 'b2'):
