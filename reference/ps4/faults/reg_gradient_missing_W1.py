# loses: q2.2.W1
# says: The gradient of W1 lacks the regularisation: add reg * W1.
# --- replace
        grads['W1'] += reg * W1
# --- by
