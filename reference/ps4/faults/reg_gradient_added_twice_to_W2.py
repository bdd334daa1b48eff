# loses: q2.2.W2
# says: The regularisation term of the gradient of W2 is twice too large: add reg * W2 once.
# --- replace
        grads['W2'] += reg * W2
# --- by
        grads['W2'] += reg * W2
        grads['W2'] += reg * W2
