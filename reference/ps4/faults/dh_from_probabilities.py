# loses: q2.2.W1 q2.2.b1
# loses on mnist: q2.5.sigmoid.accuracy q2.5.relu.accuracy
# says: The gradient that reaches the hidden layer starts from the probabilities: start from the gradient of the scores, the probabilities minus the one-hot labels, divided by N.
# --- replace
        dh1 = dscores @ W2.T
# --- by
        dh1 = probs @ W2.T / N
