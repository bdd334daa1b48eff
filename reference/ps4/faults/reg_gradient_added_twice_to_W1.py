# loses: q2.2.W1
# says: The regularisation term of the gradient of W1 is twice too large: add reg * W1 once.
# --- replace
        grads['W1'] += reg * W1
# --- by
        grads['W1'] += reg * W1
        grads['W1'] += reg * W1
