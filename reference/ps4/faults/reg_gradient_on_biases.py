# loses: q2.2.b1 q2.2.b2
# says: The biases are regularised in the gradients; only W1 and W2 are.
# --- replace
        grads['W2'] += reg * W2
# --- by
        grads['W2'] += reg * W2
        grads['b1'] += reg * b1
        grads['b2'] += reg * b2
