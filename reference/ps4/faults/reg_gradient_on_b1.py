# loses: q2.2.b1
# says: The gradient of b1 contains a regularisation term: biases are not regularised.
# --- replace
        grads['W1'] += reg * W1
# --- by
        grads['W1'] += reg * W1
        grads['b1'] += reg * b1
