# loses: q2.2.W1 q2.2.W2
# says: The regularisation is twice too large in the gradients: the derivative of 0.5 * reg * W² is reg * W.
# --- replace
        grads['W1'] += reg * W1
# --- by
        grads['W1'] += 2 * reg * W1
# --- replace
        grads['W2'] += reg * W2
# --- by
        grads['W2'] += 2 * reg * W2
