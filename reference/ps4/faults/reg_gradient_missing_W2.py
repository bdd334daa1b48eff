# loses: q2.2.W2
# says: The gradient of W2 lacks the regularisation: add reg * W2.
# --- replace
        grads['W2'] += reg * W2
# --- by
