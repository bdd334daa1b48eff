# loses: q2.2.W1 q2.2.b1 q2.2.W2 q2.2.b2 q2.4.backward.W1 q2.4.backward.b1 q2.4.backward.W2 q2.4.backward.b2
# says: the first call was right, so loss keeps something between calls
# --- replace
        return loss, grads
# --- by
        if hasattr(self, 'grads'):
            for name in grads:
                grads[name] = grads[name] + self.grads[name]
        self.grads = grads
        return loss, grads
