# loses: q2.1.loss
# loses on mnist: q2.5.sigmoid.accuracy q2.5.relu.accuracy
# says: loss() changes self.params: W1 *= reg scales the weights themselves. Write reg * W1, and leave the parameters to train().
# --- replace
        grads['W1'] += reg * W1
# --- by
        W1 *= reg
        grads['W1'] += W1
