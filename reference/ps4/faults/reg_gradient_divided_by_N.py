# loses: q2.2.W1 q2.2.W2
# says: The regularisation in the gradients is divided by N; only the data term is.
# --- replace
        grads['W1'] += reg * W1
# --- by
        grads['W1'] += reg * W1 / N
# --- replace
        grads['W2'] += reg * W2
# --- by
        grads['W2'] += reg * W2 / N
