# loses: q2.2.W1 q2.2.W2
# says: The regularisation has the wrong sign in the gradients: add reg * W.
# --- replace
        grads['W1'] += reg * W1
# --- by
        grads['W1'] -= reg * W1
# --- replace
        grads['W2'] += reg * W2
# --- by
        grads['W2'] -= reg * W2
