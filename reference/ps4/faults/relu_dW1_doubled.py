# loses: q2.4.backward.W1
# says: grads
# --- replace
        return loss, grads
# --- by
        if self.activation == 'relu':
            grads['W1'] = 2 * grads['W1']
        return loss, grads
