# loses: q2.2.W1 q2.2.W2
# says: The regularisation in the gradients ignores reg: add reg * W, not W.
# --- replace
        grads['W1'] += reg * W1
# --- by
        grads['W1'] += W1
# --- replace
        grads['W2'] += reg * W2
# --- by
        grads['W2'] += W2
