# loses: q2.2.W1 q2.2.W2
# says: The gradients of W1 and W2 lack the regularisation: add reg * W1 and reg * W2.
# --- replace
        grads['W1'] += reg * W1
        grads['W2'] += reg * W2
# --- by
