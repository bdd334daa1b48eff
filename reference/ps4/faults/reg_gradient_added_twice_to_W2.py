# loses: q2.2.W2
# says: The regularisation is twice too large in the gradient of W2: it is reg * W2.
# --- replace
        grads['W2'] += reg * W2
# --- by
        grads['W2'] += reg * W2
        grads['W2'] += reg * W2
