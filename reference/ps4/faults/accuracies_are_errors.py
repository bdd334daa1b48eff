# loses: q2.3.histories
# says: The accuracy histories hold the share of wrong labels: accuracy is the share of right ones.
# --- replace
            train_acc = np.mean(self.predict(X) == y)
# --- by
            train_acc = np.mean(self.predict(X) != y)
# --- replace
            val_acc = np.mean(self.predict(X_val) == y_val)
# --- by
            val_acc = np.mean(self.predict(X_val) != y_val)
