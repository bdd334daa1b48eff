# loses: q2.3.histories
# says: val_acc_history is measured on the training data: compare predict(X_val) with y_val.
# --- replace
            val_acc = np.mean(self.predict(X_val) == y_val)
# --- by
            val_acc = np.mean(self.predict(X) == y)
