# loses: q2.2.W1 q2.2.W2
# says: The regularisation is half too small in the gradients: the derivative of 0.5 * reg * W² is reg * W.
# --- replace
        grads['W1'] += reg * W1
# --- by
        grads['W1'] += 0.5 * reg * W1
# --- replace
        grads['W2'] += reg * W2
# --- by
        grads['W2'] += 0.5 * reg * W2
