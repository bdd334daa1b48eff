# loses: q2.2.W1 q2.2.b1 q2.2.W2 q2.2.b2
# says: The gradients are summed over the batch; divide the gradient of the scores by N.
# --- replace
        dscores /= N
# --- by
