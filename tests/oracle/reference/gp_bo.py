"""Numbers of tests/oracle/gp_bo_test.cc, computed by scikit-learn. Needs numpy and scikit-learn."""
import numpy as np
import sklearn
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

x = np.array([[0.0, 0.0], [1.0, -0.5], [-1.5, 0.7], [0.3, 2.0], [2.2, 1.1], [-0.4, -1.9]])
y = np.array([0.2, -1.1, 0.9, 1.3, -0.6, -0.7])
kernel = ConstantKernel(1.7) * Matern(length_scale=[0.8, 1.9], nu=2.5)
model = GaussianProcessRegressor(kernel=kernel, alpha=0.09, optimizer=None).fit(x, y)
points = np.array([[0.5, 0.5], [-1.5, 0.7], [4.0, -3.0]])
mean, deviation = model.predict(points, return_std=True)
print("sklearn", sklearn.__version__, "numpy", np.__version__)
for m, s in zip(mean, deviation):
    print(f"mean {m:.12g}, variance {s * s:.12g}")
print(f"log likelihood {model.log_marginal_likelihood_value_:.12g}")

grid = np.array([[np.sin(1 + 3 * i), np.cos(2 + 5 * i)] for i in range(30)]) * 2
values = np.array([np.sin(1.5 * a) + 0.3 * b + 0.1 * np.sin(37 * (i + 1)) for i, (a, b) in enumerate(grid)])
values = (values - values.mean()) / values.std()
kernel = ConstantKernel(1.0) * Matern(length_scale=[1.0, 1.0], nu=2.5) + WhiteKernel(0.1)
best = GaussianProcessRegressor(kernel=kernel, n_restarts_optimizer=20, random_state=1).fit(grid, values)
print("greatest likelihood:", best.kernel_, f"{best.log_marginal_likelihood_value_:.9g}")
