# loses: q2.2.b1 q2.2.b2
# says: The gradients of b1 and b2 contain regularisation terms: biases are not regularised.
# --- replace
        grads['W2'] += reg * W2
# --- by
        grads['W2'] += reg * W2
        grads['b1'] += reg * b1
        grads['b2'] += reg * b2
