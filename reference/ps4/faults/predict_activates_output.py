# loses: q2.4.training.epochs
# says: predict applies the activation to the scores: take argmax of the scores as they are.
# --- replace
        return np.argmax(scores, axis=1)
# --- by
        return np.argmax(self.activate(scores), axis=1)
