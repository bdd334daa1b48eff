# loses: q2.2.W1 q2.2.W2
# loses on mnist: q2.5.sigmoid.accuracy
# says: The regularisation terms of the gradients are divided by N: only the data term is an average over the samples.
# --- replace
        grads['W1'] += reg * W1
# --- by
        grads['W1'] += reg * W1 / N
# --- replace
        grads['W2'] += reg * W2
# --- by
        grads['W2'] += reg * W2 / N
