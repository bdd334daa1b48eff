# loses: q2.2.W1 q2.2.b1
# says: The hidden gradient starts from the probabilities: start from the gradient of the scores.
# --- replace
        dh1 = dscores @ W2.T
# --- by
        dh1 = probs @ W2.T / N
