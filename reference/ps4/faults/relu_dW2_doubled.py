# loses: q2.4.backward.W2
# says: grads
# --- replace
        return loss, grads
# --- by
        if self.activation == 'relu':
            grads['W2'] = 2 * grads['W2']
        return loss, grads
