# loses: q2.3.histories
# says: val_acc_history holds the accuracy on the training data: measure it on X_val and y_val.
# --- replace
            val_acc = np.mean(self.predict(X_val) == y_val)
# --- by
            val_acc = np.mean(self.predict(X) == y)
