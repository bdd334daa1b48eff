# loses: q2.3.histories
# says: train_acc_history is off by
# --- replace
            train_acc = np.mean(self.predict(X) == y)
            val_acc = np.mean(self.predict(X_val) == y_val)
# --- by
# --- replace
            order = np.random.permutation(num_train)
# --- by
            train_acc = np.mean(self.predict(X) == y)
            val_acc = np.mean(self.predict(X_val) == y_val)
            order = np.random.permutation(num_train)
