# loses: q2.3.step q2.3.decay q2.3.batches
# loses on mnist: q2.5.sigmoid.accuracy q2.5.relu.accuracy
# says: train() does not update W1 and b1: update all four parameters.
# --- replace
                for name in ('W1', 'b1', 'W2', 'b2'):
# --- by
                for name in ('W2', 'b2'):
