# loses: q2.2.W1 q2.2.b1 q2.2.W2 q2.2.b2
# says: The data terms of all gradients have the wrong sign: the gradient of the scores is the probabilities minus the one-hot labels, not the reverse.
# --- replace
        dscores /= N
# --- by
        dscores /= -N
