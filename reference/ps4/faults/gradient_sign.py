# loses: q2.2.W1 q2.2.b1 q2.2.W2 q2.2.b2
# says: The data gradients have the wrong sign: the gradient of the scores is probabilities minus one-hot labels.
# --- replace
        dscores /= N
# --- by
        dscores /= -N
