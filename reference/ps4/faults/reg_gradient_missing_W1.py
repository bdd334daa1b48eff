# loses: q2.2.W1
# loses on mnist: q2.5.sigmoid.accuracy
# says: The gradient of W1 lacks its regularisation term: add reg * W1.
# --- replace
        grads['W1'] += reg * W1
# --- by
