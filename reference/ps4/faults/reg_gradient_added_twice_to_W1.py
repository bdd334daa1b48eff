# loses: q2.2.W1
# says: The regularisation is twice too large in the gradient of W1: it is reg * W1.
# --- replace
        grads['W1'] += reg * W1
# --- by
        grads['W1'] += reg * W1
        grads['W1'] += reg * W1
