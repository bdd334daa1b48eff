# loses: q2.2.W1 q2.2.W2
# says: The regularisation terms of the gradients lack the factor reg: add reg * W1 and reg * W2, not the weights themselves.
# --- replace
        grads['W1'] += reg * W1
# --- by
        grads['W1'] += W1
# --- replace
        grads['W2'] += reg * W2
# --- by
        grads['W2'] += W2
